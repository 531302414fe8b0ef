package highlevel

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// at is the byte at an address, wherever that is.
//
//go:noinline
func at(addr uintptr) *byte { return &bytesAt(addr, 1)[0] }

//go:noinline
func load(addr uintptr) byte { return *at(addr) }

// rounded is what the kernel reports of an address: all of it, but for s390x.
func rounded(off int64) int64 {
	if runtime.GOARCH == "s390x" {
		return off &^ (int64(pageSize) - 1)
	}
	return off
}

func wantFault(t *testing.T, err error, l Lease, off int64, kind FaultKind) {
	t.Helper()
	var f *FaultError
	if !errors.As(err, &f) {
		t.Fatalf("offset %d: %v", off, err)
	}
	if f.Slot != l.Slot() || f.Offset != rounded(off) || f.Kind != kind {
		t.Errorf("offset %d: %v, want kind %v", off, f, kind)
	}
}

func TestFaultKinds(t *testing.T) {
	c := small(3)
	c.Reservation = 20 * pageSize
	p := newPoolT(t, c)
	tn := p.Tenant()
	neighbours := []Lease{acquire(t, tn, nil, 16*pageSize)}
	l := acquire(t, tn, nil, 2*pageSize+100)
	neighbours = append(neighbours, acquire(t, tn, nil, 16*pageSize))
	end := int64(3 * pageSize)
	pg := int64(pageSize)
	for _, tt := range []struct {
		off  int64
		kind FaultKind
	}{
		{end, FaultOutOfBounds}, {end + pg - 1, FaultOutOfBounds}, {16*pg - 1, FaultOutOfBounds}, {16 * pg, FaultOutOfBounds},
		{20*pg - 1, FaultOutOfBounds}, {20 * pg, FaultGuard}, {24*pg - 1, FaultGuard}, {-1, FaultGuard}, {-pg, FaultGuard}, {-8 * pg, FaultGuard},
	} {
		ways := map[string]func(View){
			"load":  func(v View) { load(v.Base() + uintptr(tt.off)) },
			"store": func(v View) { *at(v.Base() + uintptr(tt.off)) = 1 },
		}
		for name, way := range ways {
			err := l.Do(func(v View) error { way(v); return nil })
			wantFault(t, err, l, tt.off, tt.kind)
			if t.Failed() {
				t.Fatalf("%s at %d", name, tt.off)
			}
		}
	}
	// A copy across the end faults somewhere behind it; what is ahead may have moved.
	err := l.Do(func(v View) error {
		copy(bytesAt(v.Base(), 5*pageSize), make([]byte, 5*pageSize))
		return nil
	})
	var f *FaultError
	if !errors.As(err, &f) || f.Kind != FaultOutOfBounds || f.Offset < end || f.Offset >= 5*pg {
		t.Errorf("copy: %v", err)
	}
	err = l.Do(func(v View) error { clear(bytesAt(v.Base()-uintptr(pageSize), 2*pageSize)); return nil })
	if !errors.As(err, &f) || f.Kind != FaultGuard {
		t.Errorf("clear: %v", err)
	}
	if st := p.Stats(); st.FaultsOutOfBounds != 11 || st.FaultsGuard != 11 || st.FaultsOther != 0 {
		t.Errorf("%+v", st)
	}
	release(t, l)
	for _, l := range neighbours {
		release(t, l)
	}
}

// TestFaultInOwnMemory: a page of the lease's own that can't be had is a fault of kind
// other. Here the file behind the image is cut short under it.
func TestFaultOther(t *testing.T) {
	p := newPoolT(t, small(2))
	l := acquire(t, p.Tenant(), nil, 4*pageSize)
	e := p.entries[l.Slot()]
	// A mapping of a file past its end: the first touch is SIGBUS.
	f := truncatedFile(t)
	mapFile(t, e.slot.base, pageSize, f)
	err := l.Do(func(v View) error { load(v.Base()); return nil })
	wantFault(t, err, l, 0, FaultOther)
	e.slot.lose()
	release(t, l)
}

// TestDoPassesOn: what is not a fault in the pool passes through, and the pool is sound.
func TestDoPassesOn(t *testing.T) {
	p := newPoolT(t, small(2))
	tn := p.Tenant()
	l := acquire(t, tn, nil, pageSize)
	mine := errors.New("mine")
	if err := l.Do(func(View) error { return mine }); err != mine {
		t.Errorf("an error came back as %v", err)
	}
	panics := func(f func()) (r any) {
		defer func() { r = recover() }()
		_ = l.Do(func(View) error { f(); return nil })
		return "no panic"
	}
	if r := panics(func() { panic(mine) }); r != any(mine) {
		t.Errorf("a panic came through as %v", r)
	}
	var nothing *int
	if r := panics(func() { *nothing = 1 }); !strings.Contains(fmt.Sprint(r), "nil pointer") {
		t.Errorf("a nil pointer came through as %v", r)
	}
	if r := panics(func() { _ = []int{}[l.Slot()] }); !strings.Contains(fmt.Sprint(r), "index out of range") {
		t.Errorf("an index came through as %v", r)
	}
	// Memory that is not the pool's.
	elsewhere := reservation(t, pageSize)
	r := panics(func() { load(elsewhere) })
	if a, ok := r.(interface{ Addr() uintptr }); !ok || uint64(a.Addr())/pageSize != uint64(elsewhere)/pageSize {
		t.Errorf("a fault elsewhere came through as %v", r)
	}
	done := make(chan bool)
	go func() {
		defer close(done)
		_ = l.Do(func(View) error { runtime.Goexit(); return nil })
		t.Error("came back from Goexit")
	}()
	<-done
	// A panic in a deferred function while a fault unwinds.
	if r := panics(func() {
		defer func() { panic(mine) }()
		p, _ := l.Guest()
		load(p.Base + uintptr(pageSize))
	}); r != any(mine) {
		t.Errorf("a panic after a fault came through as %v", r)
	}
	if w := p.entries[l.Slot()].gate.Load(); w&holdMask != 0 {
		t.Errorf("%d calls still hold the lease", w&holdMask)
	}
	release(t, l)
	check(t, p)
}

// TestDoHolds: a lease can't end while Do runs, however deep, and can afterwards.
func TestDoHolds(t *testing.T) {
	p := newPoolT(t, small(1))
	l := acquire(t, p.Tenant(), nil, pageSize)
	err := l.Do(func(View) error {
		return l.Do(func(v View) error {
			if err := l.Release(); !errors.Is(err, ErrBusy) {
				t.Errorf("release inside Do: %v", err)
			}
			b := v.Bytes()
			if err := v.Grow(3 * pageSize); err != nil {
				return err
			}
			if len(b) != int(pageSize) || v.Len() != 3*pageSize || len(v.Bytes()) != int(3*pageSize) {
				t.Errorf("view does not follow growth: %d, %d", v.Len(), len(v.Bytes()))
			}
			v.Bytes()[3*pageSize-1] = 1
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	release(t, l)
}

// TestDoAgainstRelease runs both against each other: either Do runs on memory that is the
// lease's from its beginning to its end, or it does not run.
func TestDoAgainstRelease(t *testing.T) {
	p := newPoolT(t, small(2))
	tn := p.Tenant()
	for range testgate.Rounds(300, 50) {
		l := acquire(t, tn, nil, pageSize)
		var wg, inside sync.WaitGroup
		inside.Add(3)
		for range 3 {
			wg.Go(func() {
				for i := 1; ; i++ {
					err := l.Do(func(v View) error {
						b := v.Bytes()
						b[0] = 7
						if i == 1 {
							inside.Done()
						}
						runtime.Gosched()
						if b[0] != 7 {
							t.Error("reset under Do")
						}
						return nil
					})
					if errors.Is(err, ErrReleased) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					// Longer each time, else the lease is hardly ever free where one
					// processor does all of it.
					time.Sleep(time.Duration(i) * 10 * time.Microsecond)
				}
			})
		}
		inside.Wait()
		for {
			err := l.Release()
			if err == nil {
				break
			}
			if !errors.Is(err, ErrBusy) {
				t.Fatal(err)
			}
			runtime.Gosched()
		}
		wg.Wait()
	}
}

// TestConcurrentGrow: growths of one lease happen one after another; each leaves the
// length, the memory and the pool's count in line.
func TestConcurrentGrow(t *testing.T) {
	p := newPoolT(t, small(1))
	tn := p.Tenant()
	for range testgate.Rounds(50, 15) {
		l := acquire(t, tn, nil, 0)
		var wg sync.WaitGroup
		for g := range uint64(4) {
			wg.Go(func() {
				for n := g; n <= 16; n += 4 {
					if err := l.Grow(n * pageSize); err != nil && !errors.Is(err, ErrMemory) {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if l.Size() != 16*pageSize {
			t.Fatalf("size %d after a growth to %d", l.Size(), 16*pageSize)
		}
		check(t, p)
		release(t, l)
	}
}

// TestFaultsUnderGC: faults inside memmove, from many goroutines, while the collector runs.
func TestFaultsUnderGC(t *testing.T) {
	p := newPoolT(t, small(8))
	tn := p.Tenant()
	stop := make(chan bool)
	var gc sync.WaitGroup
	gc.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
				time.Sleep(200 * time.Microsecond)
			}
		}
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			l := acquire(t, tn, nil, 2*pageSize)
			src := make([]byte, 4*pageSize)
			for range testgate.Rounds(300, 100) {
				err := l.Do(func(v View) error { copy(bytesAt(v.Base(), 4*pageSize), src); return nil })
				var f *FaultError
				if !errors.As(err, &f) || f.Slot != l.Slot() {
					t.Errorf("%v", err)
					return
				}
			}
			release(t, l)
		})
	}
	wg.Wait()
	close(stop)
	gc.Wait()
}

// TestDoRestoresPanicOnFault: the goroutine's own setting is as it was.
func TestDoRestoresPanicOnFault(t *testing.T) {
	p := newPoolT(t, small(1))
	l := acquire(t, p.Tenant(), nil, pageSize)
	for _, before := range []bool{true, false} {
		old := setPanicOnFault(before)
		_ = l.Do(func(v View) error { load(v.Base() + uintptr(pageSize)); return nil })
		_ = l.Do(func(v View) error { return nil })
		if now := setPanicOnFault(old); now != before {
			t.Errorf("was %v, is %v", before, now)
		}
	}
	release(t, l)
}

func TestClassify(t *testing.T) {
	const pg = 16
	l, err := NewLayout(Constraints{Slots: 6, MaxMemory: 4 * pg, Reservation: 4 * pg, Guard: 8 * pg, GuardBefore: true, Keys: 3, PageSize: pg})
	if err != nil {
		t.Fatal(err)
	}
	before := int64(l.Before(0, 4))
	for _, tt := range []struct {
		off  int64
		size uint64
		want FaultKind
	}{
		{0, 0, FaultOutOfBounds}, {0, 1, FaultOther}, {pg - 1, 1, FaultOther}, {pg, 1, FaultOutOfBounds}, {pg, pg + 1, FaultOther},
		{4*pg - 1, 0, FaultOutOfBounds}, {4 * pg, 0, FaultGuard}, {12*pg - 1, 4 * pg, FaultGuard}, {12 * pg, 4 * pg, FaultOther},
		{-1, 0, FaultGuard}, {-before, 0, FaultGuard}, {-before - 1, 0, FaultOther},
	} {
		if got := l.classify(tt.off, tt.size, before, 8*pg-1); got != tt.want {
			t.Errorf("offset %d, size %d: %v, want %v", tt.off, tt.size, got, tt.want)
		}
	}
	for k, want := range map[FaultKind]string{FaultOutOfBounds: "out of bounds", FaultGuard: "guard", FaultOther: "other", 9: "FaultKind(9)"} {
		if k.String() != want {
			t.Errorf("%d is called %q", k, k)
		}
	}
}

func truncatedFile(t *testing.T) int {
	t.Helper()
	fd, err := unix.MemfdCreate("short", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}
