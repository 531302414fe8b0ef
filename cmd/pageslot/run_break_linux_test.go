package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// What the job is for: each of these breaks one thing, and it has to notice.

// broken runs a job that has to fail, and returns all that it says.
func broken(t *testing.T, hooks runHooks, args ...string) (runReport, string) {
	t.Helper()
	args = append([]string{"-slots", "12", "-rounds", strconv.Itoa(testgate.Rounds(60, 12)), "-workers", "2", "-dirty", "8", "-image", rawFile(t)}, args...)
	r, c := runFor(t, hooks, args...)
	text := r.text()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if c.status != exitFailed || r.OK || r.Failures == 0 || len(r.First) == 0 || !strings.HasPrefix(lines[len(lines)-1], "FAILED: ") {
		t.Fatalf("status %d, %d failures, last line %q", c.status, r.Failures, lines[len(lines)-1])
	}
	return r, text
}

// pretend leaves out operations of one kind, each n-th of them, and says that they
// worked.
func pretend(t *testing.T, op kernelcall.Op, n int64) {
	t.Helper()
	var seen atomic.Int64
	t.Cleanup(kernelcall.Install(func(o kernelcall.Op, _ uint64) kernelcall.Verdict {
		if o == op && seen.Add(1)%n == 0 {
			return kernelcall.Pretend()
		}
		return kernelcall.Verdict{}
	}))
}

func TestRunNoticesASkippedReset(t *testing.T) {
	for _, each := range []int64{1, 20}[:testgate.Rounds(2, 1)] {
		pretend(t, kernelcall.Discard, each)
		r, _ := broken(t, runHooks{}, "-dirty", "1000")
		for _, f := range r.First {
			if f.What == "not the initial bytes" && (f.Slot < 0 || f.Want == "" || f.Want == f.Got) {
				t.Errorf("%+v", f)
			}
		}
		if r.First[0].What != "not the initial bytes" {
			t.Errorf("one of %d: the first failure is %v", each, r.First[0])
		}
	}
}

func TestRunNoticesASkippedReservation(t *testing.T) {
	pretend(t, kernelcall.Reserve, 1)
	broken(t, runHooks{})
}

func TestRunNoticesASkippedImage(t *testing.T) {
	pretend(t, kernelcall.MapImage, 7)
	broken(t, runHooks{})
}

func TestRunNoticesASkippedOpen(t *testing.T) {
	pretend(t, kernelcall.Open, 20)
	_, text := broken(t, runHooks{})
	if !strings.Contains(text, "fault") {
		t.Errorf("%s", text)
	}
}

func TestRunNoticesAShiftedSegment(t *testing.T) {
	for _, by := range []uint64{1, uint64(os.Getpagesize())} {
		r, _ := broken(t, runHooks{segments: func(s []segment) { s[len(s)-1].Offset += by }}, "-size", pages(64))
		// A lease that is hardly larger than the file has no room for what was shifted: an
		// error of its own, and perhaps the first.
		seen := slices.ContainsFunc(r.First, func(f finding) bool {
			return f.What == "not the initial bytes" && f.Image == "the file's image" && f.Want != f.Got
		})
		if !seen {
			t.Errorf("shifted by %d: %v", by, r.First)
		}
	}
}

func TestRunNoticesAChangedByte(t *testing.T) {
	r, _ := broken(t, runHooks{segments: func(s []segment) { s[0].Data[12345] ^= 1 }})
	if f := r.First[0]; f.Offset != 12345 {
		t.Errorf("%v", f)
	}
}

func TestRunNoticesADroppedProtection(t *testing.T) {
	page := uint64(os.Getpagesize())
	for name, where := range map[string]func(g highlevel.Guest, open uint64) uintptr{
		"behind the memory":      func(g highlevel.Guest, open uint64) uintptr { return g.Base + uintptr(open) },
		"the end of the guard":   func(g highlevel.Guest, _ uint64) uintptr { return g.Base + uintptr(g.Faulting-page) },
		"the page before a slot": func(g highlevel.Guest, _ uint64) uintptr { return g.Base - uintptr(page) },
	} {
		for _, prot := range []int{sys.PROT_READ, sys.PROT_READ | sys.PROT_WRITE}[:testgate.Rounds(2, 1)] {
			t.Run(fmt.Sprintf("%s, %#b", name, prot), func(t *testing.T) {
				var n atomic.Int64
				open := func(l highlevel.Lease, size uint64) {
					if n.Add(1) != int64(testgate.Rounds(30, 6)) {
						return
					}
					g, err := l.Guest()
					if err == nil {
						err = sys.Mprotect(where(g, size), uintptr(page), prot)
					}
					if err != nil {
						t.Error(err)
					}
				}
				r, _ := broken(t, runHooks{leased: open})
				if f := r.First[0]; f.Slot < 0 || !strings.Contains(f.What, "nothing protects these bytes") {
					t.Errorf("%v", f)
				}
			})
		}
	}
}

func TestRunNoticesAnotherTenantsWrite(t *testing.T) {
	// As a pool would let happen that gives a slot out twice. The write may fault where
	// the slot is not open just now; Do turns that into an error.
	var first atomic.Uintptr
	write := func(l highlevel.Lease, _ uint64) {
		_ = l.Do(func(v highlevel.View) error {
			if !first.CompareAndSwap(0, v.Base()) && first.Load() != v.Base() {
				for i := range uintptr(rawBytes()) {
					storeByte(first.Load()+i, 0x77)
				}
			}
			return nil
		})
	}
	r, _ := broken(t, runHooks{leased: write}, "-workers", "1", "-dirty", "1000", "-max-memory", pages(16))
	if r.First[0].What != "not what the tenant wrote" {
		t.Errorf("%v", r.First[0])
	}
}

func TestRunReportsAnOperationThatFails(t *testing.T) {
	var seen atomic.Int64
	t.Cleanup(kernelcall.Install(func(op kernelcall.Op, _ uint64) kernelcall.Verdict {
		if op == kernelcall.Open && seen.Add(1) == int64(testgate.Rounds(50, 15)) {
			return kernelcall.Fail(unix.ENOMEM)
		}
		return kernelcall.Verdict{}
	}))
	_, text := broken(t, runHooks{})
	if !strings.Contains(text, unix.ENOMEM.Error()) {
		t.Error(text)
	}
}

func TestRunReportsWhatIsLeftBehind(t *testing.T) {
	var n atomic.Int64
	var fd int
	leak := func(highlevel.Lease, uint64) {
		if n.Add(1) != 5 {
			return
		}
		var err error
		if fd, err = sys.MemfdCreate("left", 0); err != nil {
			t.Error(err)
		}
	}
	_, text := broken(t, runHooks{leased: leak})
	if !strings.Contains(text, "left behind: descriptor") || !strings.Contains(text, "/memfd:left") {
		t.Error(text)
	}
	if err := unix.Close(fd); err != nil {
		t.Fatal(err)
	}
}

// Too many failures end the job early.
func TestRunGivesUp(t *testing.T) {
	testgate.NeedLong(t, "it fails 1000 times")
	t.Cleanup(kernelcall.Install(func(op kernelcall.Op, _ uint64) kernelcall.Verdict {
		if op == kernelcall.MapImage {
			return kernelcall.Fail(errors.New("failed on purpose"))
		}
		return kernelcall.Verdict{}
	}))
	r, _ := broken(t, runHooks{}, "-rounds", "1000000")
	if r.Failures < mostFindings || r.Leases > 1000000 || len(r.First) != mostKept || !strings.Contains(r.verdict(), "gave up") {
		t.Errorf("%d failures, %d leases, %s", r.Failures, r.Leases, r.verdict())
	}
}

// What panics in a worker is a failure, and the report comes all the same.
func TestRunSurvivesAPanic(t *testing.T) {
	var n atomic.Int64
	r, _ := broken(t, runHooks{leased: func(highlevel.Lease, uint64) {
		if n.Add(1) == 9 {
			panic("on purpose")
		}
	}})
	if !strings.Contains(r.First[0].What, "on purpose") {
		t.Errorf("%v", r.First[0])
	}
}
