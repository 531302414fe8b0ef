package hugepages

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockFile is what whoever changes these numbers locks, whatever the size.
const lockFile = "/proc/sys/vm/nr_hugepages"

// pool is the huge pages of one size.
type pool struct {
	folder string
	lock   string
}

func poolOf(size uint64) pool {
	return pool{filepath.Join(Folder, fmt.Sprintf("hugepages-%dkB", size>>10)), lockFile}
}

func (p pool) number(name string) (int, error) { return number(filepath.Join(p.folder, name)) }

// Free is how many huge pages of this size are free and not promised to a mapping
// that has not touched them yet.
func Free(size uint64) (int, error) { return poolOf(size).free() }

func (p pool) free() (int, error) {
	free, err := p.number("free_hugepages")
	if err != nil {
		return 0, err
	}
	promised, err := p.number("resv_hugepages")
	return max(0, free-max(0, promised)), err
}

// add changes by n how many huge pages there are, and returns by how many it did.
// Other processes do the same at the same time, so it adds, under a lock, and never
// sets what it read earlier.
func (p pool) add(n int) (changed int, err error) {
	f, err := os.OpenFile(filepath.Join(p.folder, "nr_hugepages"), os.O_WRONLY, 0)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lock, err := os.Open(p.lock)
	if err != nil {
		return 0, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return 0, fmt.Errorf("flock %s: %w", p.lock, err)
	}
	before, err := p.reserved()
	if err != nil {
		return 0, err
	}
	if _, err := f.WriteString(strconv.Itoa(max(0, before+n)) + "\n"); err != nil {
		return 0, err
	}
	after, err := p.reserved()
	return after - before, err
}

// reserved is how many huge pages are reserved: what is written to nr_hugepages.
// What is read there has those besides that were given back in use. They go one by
// one when they are free, so it looks until none went in between.
func (p pool) reserved() (int, error) {
	for {
		extra, err := p.number("surplus_hugepages")
		if err != nil {
			return 0, err
		}
		all, err := p.number("nr_hugepages")
		if err != nil {
			return 0, err
		}
		if again, err := p.number("surplus_hugepages"); err != nil || again == extra {
			return all - extra, err
		}
	}
}

// number is the first line of a file. Some kernels count promised pages below 0
// while pinned ones come back, and show it as an unsigned number of 32 or 64 bits.
func number(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	n, err := strconv.ParseUint(line, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return int(int32(n)), nil
}
