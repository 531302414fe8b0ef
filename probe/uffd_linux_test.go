package probe

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// What the kernel claims is what it does, and it does nothing that it does not
// claim. The exceptions are write-protection, and what would stop the kernel.
func TestClaimsAreTrue(t *testing.T) {
	claims := need(t, UffdFeatures, testgate.Userfaultfd).Values
	huge := Ask(MemfdHugePage).Verdict == Yes
	for _, tc := range []struct {
		claim    string
		question Question
		kind     string
	}{
		{"MISSING_SHMEM", UffdMissing, SharedAnonymous}, {"MISSING_SHMEM", UffdMissing, SharedMemfd}, {"MISSING_SHMEM", UffdMissing, PrivateMemfd},
		{"MISSING_HUGETLBFS", UffdMissing, SharedHugetlb}, {"MISSING_HUGETLBFS", UffdMissing, PrivateHugetlb},
		{"MINOR_SHMEM", UffdMinor, SharedAnonymous}, {"MINOR_SHMEM", UffdMinor, SharedMemfd}, {"MINOR_HUGETLBFS", UffdMinor, SharedHugetlb},
		{"PAGEFAULT_FLAG_WP", UffdWriteProtect, PrivateAnonymous},
		{"WP_HUGETLBFS_SHMEM", UffdWriteProtect, SharedAnonymous}, {"WP_HUGETLBFS_SHMEM", UffdWriteProtect, SharedMemfd}, {"WP_HUGETLBFS_SHMEM", UffdWriteProtect, SharedHugetlb},
		{"WP_ASYNC", UffdWriteProtectAsync, PrivateAnonymous}, {"WP_ASYNC", UffdWriteProtectAsync, SharedMemfd},
		{"POISON", UffdPoison, PrivateAnonymous}, {"POISON", UffdPoison, SharedMemfd}, {"POISON", UffdPoison, SharedHugetlb},
		{"MOVE", UffdMove, PrivateAnonymous},
		{"RWP", UffdRWP, PrivateAnonymous}, {"RWP", UffdRWP, SharedMemfd}, {"RWP_ASYNC", UffdRWPAsync, PrivateAnonymous},
	} {
		if strings.Contains(tc.kind, "hugetlb") && !huge {
			continue
		}
		a := Ask(tc.question)
		claimed, does := slices.Contains(claims, tc.claim), slices.Contains(a.Values, tc.kind)
		lie := claimed && !does && strings.Contains(a.Reason, "goes through untrapped")
		untried := claimed && !does && strings.Contains(a.Reason, "stop when "+tc.claim+" is used")
		if claimed != does && !lie && !untried {
			t.Errorf("%s is claimed: %v, but %+v (%s)", tc.claim, claimed, a, tc.kind)
		}
	}
}

// The package that is to be used asks by itself whether writes are trapped.
func TestWriteProtectTraps(t *testing.T) {
	need(t, UffdOpen, testgate.Userfaultfd)
	traps, err := uffd.WriteProtectTraps()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	a := Ask(UffdWriteProtect)
	if does := slices.Contains(a.Values, PrivateAnonymous); does != traps {
		t.Errorf("package uffd says %v (%v), the probe %+v", traps, err, a)
	}
}

// A kernel that lets the write through is caught.
func TestUntrappedWriteIsSeen(t *testing.T) {
	touch, err := newTouch()
	if err != nil {
		t.Fatal(err)
	}
	defer touch.close()
	r, err := newRegion(kinds[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	err = trapped(touch.store(r.mem, second), "a write")
	if err == nil || errors.As(err, new(obstacle)) || !strings.Contains(err.Error(), "untrapped") {
		t.Errorf("a write to memory that nobody guards: %v", err)
	}
}

// What cannot be reached is EFAULT, for reads and for writes, and the next access
// is not disturbed by the byte that was not delivered.
func TestTouch(t *testing.T) {
	touch, err := newTouch()
	if err != nil {
		t.Fatal(err)
	}
	defer touch.close()
	r, err := newRegion(kinds[0])
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	addr, length := addressOf(r.mem), uintptr(len(r.mem))
	for _, step := range []struct {
		prot        int
		load, store bool
	}{
		{sys.PROT_READ | sys.PROT_WRITE, true, true},
		{sys.PROT_READ, true, false},
		{sys.PROT_NONE, false, false},
		{sys.PROT_READ | sys.PROT_WRITE, true, true},
	} {
		if err := sys.Mprotect(addr, length, step.prot); err != nil {
			t.Fatal(err)
		}
		_, err := touch.load(r.mem)
		if (err == nil) != step.load || !step.load && trapped(err, "") != nil {
			t.Errorf("load with rights %d: %v", step.prot, err)
		}
		err = touch.store(r.mem, byte(step.prot))
		if (err == nil) != step.store || !step.store && trapped(err, "") != nil {
			t.Errorf("store with rights %d: %v", step.prot, err)
		}
		if step.store {
			if v, err := touch.load(r.mem); err != nil || v != byte(step.prot) {
				t.Errorf("%d was stored, and %d loaded (%v)", step.prot, v, err)
			}
		}
	}
}

// Every kind of memory is one page, zero, and what its name says.
func TestKinds(t *testing.T) {
	touch, err := newTouch()
	if err != nil {
		t.Fatal(err)
	}
	defer touch.close()
	for _, k := range kinds {
		r, err := newRegion(k)
		if k.huge && err != nil && !errors.As(err, new(obstacle)) {
			continue // TestWhatTheGateInsistsOn asks for one
		}
		if err != nil {
			t.Fatal(err)
		}
		t1 := trial{region: r, touch: touch}
		if v, err := t1.load(r.mem); v != 0 || err != nil {
			t.Errorf("%s: a new page holds %d (%v)", k.name, v, err)
		}
		if err := t1.fill(); err != nil {
			t.Error(err)
		}
		if !k.huge && len(r.mem) != os.Getpagesize() {
			t.Errorf("%s: a page of %d bytes", k.name, len(r.mem))
		}
		if k.file {
			other, err := r.mapAgain(len(r.mem), true)
			if err != nil {
				t.Fatal(err)
			}
			v, err := t1.load(other)
			if shows := v == first; shows != k.shared || err != nil {
				t.Errorf("%s: what is written shows in the file: %v (%v)", k.name, shows, err)
			}
			unmap(t, other)
		}
		r.close()
	}
}

// Each ability is the one that its question asks for: what it leaves in the page
// tells them apart.
func TestAbilities(t *testing.T) {
	need(t, UffdOpen, testgate.Userfaultfd)
	leaves := map[Question]int{
		UffdMissing: first, UffdZeropage: 0, UffdMinor: first, UffdWriteProtect: second, UffdWriteProtectAsync: second,
		UffdPoison: -1, UffdMove: first, UffdRWP: first, UffdRWPAsync: first,
	}
	for _, a := range abilities {
		works := Ask(a.question).Values
		for _, k := range kinds {
			if !slices.Contains(works, k.name) {
				continue
			}
			b := a.with(func(d *uffd.Descriptor, touch *touch) Answer {
				r, err := newRegion(k)
				if err != nil {
					return no(err.Error(), "")
				}
				defer r.close()
				if err := d.Control(func(fd int) error { return a.does(&trial{r, touch, fd}) }); err != nil {
					return no(err.Error(), "")
				}
				left := -1
				v, err := touch.load(r.mem)
				switch {
				case err == nil:
					left = int(v)
				case !errors.Is(err, unix.EFAULT) || a.question != UffdPoison:
					t.Errorf("%s of %s: %v", a.question, k.name, err)
				}
				if want, ok := leaves[a.question]; !ok || left != want {
					t.Errorf("%s of %s leaves %d in the page, want %d", a.question, k.name, left, want)
				}
				return yes()
			})
			// Somebody else may have taken the huge page meanwhile.
			if b.Verdict != Yes && !k.huge {
				t.Errorf("%s of %s: %+v", a.question, k.name, b)
			}
		}
	}
}
