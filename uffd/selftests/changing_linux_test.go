package selftests

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// While an event waits to be read, nothing is done and everything says EAGAIN.
func TestMmapChanging(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: uffd.FeatureEventRemove})
		mode := uffd.ModeMissing
		if _, known := registrable(d, k, mode|uffd.ModeWP); known {
			if ioctls, _ := registrable(d, k, mode|uffd.ModeWP); ioctls != 0 {
				mode |= uffd.ModeWP
			}
		}
		register(t, d, a.all(), mode)
		data := a.filled(4, 1)
		if _, err := d.Copy(a.addr(3), data[3*a.page:], 0); err != nil {
			t.Fatal(err)
		}

		done := remove(t, d, a, 3)
		for call, err := range map[string]error{
			"Copy":         second(d.Copy(a.addr(0), data[:a.page], 0)),
			"CopyAll":      second(d.CopyAll(a.addr(0), data, 0, uffd.Retry{PageSize: a.page, Exist: uffd.ExistSkip})),
			"Zero":         second(d.Zero(a.at(0), 0)),
			"WriteProtect": d.WriteProtect(a.at(3)),
		} {
			wantChanging(t, call, err)
		}
		have := d.Available()
		if have.Has(uffd.FeaturePoison) {
			wantChanging(t, "Poison", second(d.Poison(a.at(0), 0)))
		}
		if have.Has(uffd.FeatureMove) {
			wantChanging(t, "Move", second(d.Move(a.addr(0), a.addr(3), a.page, 0)))
		}
		if have&(uffd.FeatureMinorShmem|uffd.FeatureMinorHugetlbfs) != 0 {
			wantChanging(t, "Continue", second(d.Continue(a.at(0), 0)))
		}
		fields(t, d, a)

		e := nextEvent(t, d)
		if e.Kind != uffd.EventRemove || e.Removed() != a.at(3) {
			t.Errorf("%v; want REMOVE of %v", &e, a.at(3))
		}
		if err := returned(t, done); err != nil {
			t.Error(err)
		}
		missing(t, "after it was read", a, 0, 4)
		if n, err := d.Copy(a.addr(0), data, 0); n != len(data) || err != nil {
			t.Errorf("Copy after it was read: %d, %v", n, err)
		}
		noEvent(t, d)
	})
}

// CopyAll with a Retry.Changing that reads the event goes on by itself.
func TestMmapChangingRetried(t *testing.T) {
	forEach(t, []memory{anon, shmem}, func(t *testing.T, k memory) {
		a := newArea(t, k, 4)
		d := open(t, uffd.Options{Required: uffd.FeatureEventRemove})
		register(t, d, a.all(), uffd.ModeMissing)
		data := a.filled(4, 1)
		stop := errors.New("stop")
		done := remove(t, d, a, 0)
		n, err := d.CopyAll(a.addr(0), data, 0, uffd.Retry{Changing: func() error { return stop }})
		if n != 0 || !errors.Is(err, stop) {
			t.Errorf("Changing that ends it: %d, %v", n, err)
		}
		calls := 0
		n, err = d.CopyAll(a.addr(0), data, 0, uffd.Retry{Changing: func() error {
			if calls++; calls == 1 {
				if e := nextEvent(t, d); e.Kind != uffd.EventRemove {
					t.Errorf("%v", &e)
				}
			}
			time.Sleep(time.Millisecond) // the one that removes still has to wake up
			return nil
		}})
		if n != len(data) || err != nil || calls == 0 {
			t.Errorf("Changing that reads: %d, %v, %d calls", n, err, calls)
		}
		if err := returned(t, done); err != nil {
			t.Error(err)
		}
	})
}

// remove gives up page i of a, on a goroutine that then waits in the kernel for
// its event to be read; it returns when there is that event.
func remove(t *testing.T, d *uffd.Descriptor, a *area, i int) chan error {
	t.Helper()
	advice := unix.MADV_DONTNEED
	if a.alias != nil {
		advice = unix.MADV_REMOVE
	}
	page := a.mem[uint64(i)*a.page:][:a.page]
	done := make(chan error, 1)
	go func() { done <- unix.Madvise(page, advice) }()
	for end := time.Now().Add(testgate.Stretch(t, 20*time.Second)); !readable(t, d, 10); {
		select {
		case err := <-done:
			if a.kind == hugetlbPrivate && errors.Is(err, unix.EINVAL) {
				testgate.Skip(t, testgate.UffdFeature, "the kernel has no MADV_DONTNEED of huge pages (Linux 5.18)")
			}
			t.Fatalf("madvise ended without an event: %v", err)
		default:
		}
		if time.Now().After(end) {
			t.Fatal("no event comes")
		}
	}
	return done
}

// returned is what a goroutine came to. If it comes to nothing, the end of the test
// closes the descriptor, which lets it go.
func returned(t *testing.T, done chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(testgate.Stretch(t, 20*time.Second)):
		t.Fatal("the goroutine still waits")
		return nil
	}
}

func wantChanging(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, uffd.ErrChanging) || !errors.Is(err, unix.EAGAIN) {
		t.Errorf("%s: %v; want %v", call, err, uffd.ErrChanging)
	}
}

// fields looks at what the kernel leaves in the field that reports progress: EAGAIN
// since 6.15, what was there before on older kernels.
func fields(t *testing.T, d *uffd.Descriptor, a *area) {
	t.Helper()
	const before = 12345
	data := a.filled(1, 1)
	r := sys.UffdioRange{Start: a.addr(0), Len: a.page}
	got := map[string]int64{}
	err := d.Control(func(fd int) error {
		c := sys.UffdioCopy{Dst: r.Start, Src: sys.SlicePointer(data), Len: r.Len, Copy: before}
		z := sys.UffdioZeropage{Range: r, Zeropage: before}
		if err := sys.UffdioCopyCall(fd, &c); !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("copy: %v", err)
		}
		if err := sys.UffdioZeropageCall(fd, &z); !errors.Is(err, unix.EAGAIN) {
			return fmt.Errorf("zeropage: %v", err)
		}
		got["copy"], got["zeropage"] = c.Copy, z.Zeropage
		if d.Available().Has(uffd.FeaturePoison) {
			p := sys.UffdioPoison{Range: r, Updated: before}
			if err := sys.UffdioPoisonCall(fd, &p); !errors.Is(err, unix.EAGAIN) {
				return fmt.Errorf("poison: %v", err)
			}
			got["poison"] = p.Updated
		}
		if d.Available().Has(uffd.FeatureMove) {
			m := sys.UffdioMove{Dst: r.Start, Src: a.addr(3), Len: r.Len, Move: before}
			if err := sys.UffdioMoveCall(fd, &m); !errors.Is(err, unix.EAGAIN) {
				return fmt.Errorf("move: %v", err)
			}
			got["move"] = m.Move
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	for call, field := range got {
		if field != before && field != -int64(unix.EAGAIN) || field != got["copy"] {
			t.Errorf("%s: the field is %d, that of copy %d; want %d or %d in all", call, field, got["copy"], -int64(unix.EAGAIN), before)
		}
	}
}
