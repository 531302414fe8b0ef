package probe

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/machine"
	"github.com/pageslot/pageslot/sys"
)

// thpSetting asks whether madvise knows MADV_HUGEPAGE, with no memory: the
// kernel looks at the advice before the length. The setting of the system is the
// one in brackets.
func thpSetting() Answer {
	a := knows(sys.MADV_HUGEPAGE, "MADV_HUGEPAGE", "a kernel built with CONFIG_TRANSPARENT_HUGEPAGE, on a processor that has them")
	if a.Verdict != Yes {
		return a
	}
	text, err := os.ReadFile("/sys/kernel/mm/transparent_hugepage/enabled")
	if errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat("/sys/kernel/mm"); err == nil {
			return no("madvise knows MADV_HUGEPAGE, but there is no /sys/kernel/mm/transparent_hugepage: the processor has no huge pages, or the kernel does not use them",
				"a processor that has them")
		}
	}
	if err != nil {
		return Answer{Verdict: Inconclusive, Reason: "madvise knows MADV_HUGEPAGE, and the setting cannot be read: " + err.Error(), Remedy: "mount /sys"}
	}
	setting := bracketed(string(text))
	a.Values = []string{setting}
	if setting == "never" {
		return Answer{Verdict: No, Values: a.Values, Reason: "/sys/kernel/mm/transparent_hugepage/enabled is never",
			Remedy: "write madvise to /sys/kernel/mm/transparent_hugepage/enabled"}
	}
	if n, ok := machine.HugePageSize(); ok {
		a.Values = append(a.Values, fmt.Sprintf("%d bytes", n))
	}
	return a
}

// bracketed is the word in brackets: how /sys shows which one is chosen.
func bracketed(s string) string {
	_, s, _ = strings.Cut(s, "[")
	s, _, _ = strings.Cut(s, "]")
	return s
}

// thpPage looks whether there is a huge page to be had now: by the first touch,
// and by MADV_COLLAPSE of small pages.
func thpPage() Answer {
	var ways []string
	var fails reasons
	for _, way := range []struct {
		name string
		get  func([]byte) error
	}{{"by a touch", touchHuge}, {"by MADV_COLLAPSE", collapse}} {
		mem, free, err := hugeRange()
		if err == nil {
			err = way.get(mem)
			if err == nil && !filled(mem) {
				err = errors.New("small pages came")
			}
			free()
		}
		if errors.As(err, new(obstacle)) {
			return Answer{Verdict: Inconclusive, Reason: err.Error()}
		}
		if err == nil {
			ways = append(ways, way.name)
		} else {
			fails.add(way.name, err.Error())
		}
	}
	if len(ways) == 0 {
		return no(fails.String(), "write madvise to /sys/kernel/mm/transparent_hugepage/enabled, and have so much memory free in one piece")
	}
	return Answer{Verdict: Yes, Values: ways, Reason: fails.String()}
}

// hugeRange maps the range of one huge page, aligned as it has to be, with
// nothing in it.
func hugeRange() (mem []byte, free func(), err error) {
	if l := locked(); l.Verdict != Yes {
		return nil, nil, inTheWay("%s", l.Reason) // all of the range would be there from the start
	}
	if a := thpSetting(); a.Verdict == No && a.Values == nil {
		return nil, nil, errors.New(a.Reason)
	}
	n, ok := machine.HugePageSize()
	switch {
	case !ok:
		return nil, nil, inTheWay("the size of a transparent huge page cannot be read in /sys")
	case n > largestTried:
		return nil, nil, fmt.Errorf("a huge page has %d bytes, too many to try", n)
	}
	size := int(n)
	all, err := unix.Mmap(-1, 0, 2*size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return nil, nil, inTheWay("mmap of %d bytes: %w", 2*size, err)
	}
	past := int(addressOf(all) % uintptr(size))
	return all[(size-past)%size:][:size:size], func() { _ = unix.Munmap(all) }, nil
}

func touchHuge(mem []byte) error {
	if err := unix.Madvise(mem, sys.MADV_HUGEPAGE); err != nil {
		return fmt.Errorf("madvise MADV_HUGEPAGE: %w", err)
	}
	mem[0] = first
	return nil
}

// collapse makes one huge page of a range in which there is one small one.
func collapse(mem []byte) error {
	if err := unix.Madvise(mem, sys.MADV_NOHUGEPAGE); err != nil {
		return fmt.Errorf("madvise MADV_NOHUGEPAGE: %w", err)
	}
	mem[0] = first
	if err := unix.Madvise(mem, sys.MADV_HUGEPAGE); err != nil {
		return fmt.Errorf("madvise MADV_HUGEPAGE: %w", err)
	}
	if err := unix.Madvise(mem, sys.MADV_COLLAPSE); err != nil {
		return fmt.Errorf("madvise MADV_COLLAPSE: %w", err)
	}
	return nil
}

// filled tells whether memory of which only the first page was touched is all
// there: then a huge page came.
func filled(mem []byte) bool {
	there, err := resident(mem)
	if err != nil {
		return false
	}
	for _, page := range there {
		if page&1 == 0 {
			return false
		}
	}
	return true
}

// resident is mincore(2): the lowest bit of a byte for each page.
func resident(mem []byte) ([]byte, error) {
	there := make([]byte, len(mem)/os.Getpagesize())
	return there, sys.Mincore(addressOf(mem), uintptr(len(mem)), there)
}

// newHugeRegion is a range that one transparent huge page can fill.
func newHugeRegion() (*region, error) {
	mem, free, err := hugeRange()
	if err != nil {
		return nil, err
	}
	if err := unix.Madvise(mem, sys.MADV_HUGEPAGE); err != nil {
		free()
		return nil, fmt.Errorf("madvise MADV_HUGEPAGE: %w", err)
	}
	return &region{kind: kind{name: THP}, mem: mem, file: -1, free: free}, nil
}

// hugetlbPages are the sizes of which hugetlbfs has pages, and how many.
func hugetlbPages() Answer {
	const dir = "/sys/kernel/mm/hugepages"
	sizes, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return no(err.Error(), "a kernel built with CONFIG_HUGETLBFS, on a machine that has huge pages; mount /sys")
	}
	if err != nil {
		return Answer{Verdict: Inconclusive, Reason: err.Error()}
	}
	a := Answer{Verdict: No, Remedy: "sysctl vm.nr_hugepages=16"}
	for _, s := range sizes {
		free, ok1 := readNumber(dir + "/" + s.Name() + "/free_hugepages")
		all, ok2 := readNumber(dir + "/" + s.Name() + "/nr_hugepages")
		if !ok1 || !ok2 {
			continue
		}
		a.Values = append(a.Values, fmt.Sprintf("%d of %d pages of %s", free, all, strings.TrimPrefix(s.Name(), "hugepages-")))
		if free > 0 {
			a.Verdict, a.Remedy = Yes, ""
		}
	}
	if a.Verdict == No {
		a.Reason = "no huge page is free"
	}
	return a
}

func readNumber(file string) (uint64, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}
