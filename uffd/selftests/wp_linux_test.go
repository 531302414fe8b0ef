package selftests

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// wpFor are the features without which memory of kind k cannot be
// write-protected.
func wpFor(k memory) uffd.Features {
	if k == anon {
		return uffd.FeaturePagefaultFlagWP
	}
	return uffd.FeaturePagefaultFlagWP | uffd.FeatureWPHugetlbfsShmem
}

// guarded is an area full of bytes, registered for write-protection on a
// descriptor of its own, and not protected yet.
func guarded(t *testing.T, k memory, pages int, more uffd.Features) (*uffd.Descriptor, *area, []byte) {
	t.Helper()
	d := open(t, uffd.Options{Required: wpFor(k) | more})
	a := newArea(t, k, pages)
	content := a.filled(pages, 1)
	copy(a.mem, content)
	if got := register(t, d, a.all(), uffd.ModeWP); !got.Has(uffd.IoctlWriteprotect | uffd.IoctlWake) {
		t.Errorf("register offers %v", got)
	}
	return d, a, content
}

func protect(t testing.TB, d *uffd.Descriptor, r uffd.Range) {
	t.Helper()
	if err := d.WriteProtect(r); err != nil {
		t.Fatal(err)
	}
}

func unprotect(t testing.TB, d *uffd.Descriptor, r uffd.Range) {
	t.Helper()
	if err := d.WriteUnprotect(r, 0); err != nil {
		t.Fatal(err)
	}
}

// wpFault is the next message, which has to be about a write to protected page i.
func wpFault(t testing.TB, d *uffd.Descriptor, a *area, i int) uffd.Fault {
	t.Helper()
	f := nextFault(t, d)
	if f.Flags != uffd.FaultWP|uffd.FaultWrite || f.Address != a.addr(i) {
		t.Fatalf("%v; want a write to the protected page at %#x", f, a.addr(i))
	}
	return f
}

// Each write to a protected page waits until the page is unprotected; reads do
// not, and neither do writes to other pages.
func TestWpSync(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, content := guarded(t, k, 4, 0)
		wantProtected(t, a, "....")
		protect(t, d, a.span(0, 3))
		wantProtected(t, a, "###.")
		reads(t, a.addr(2)+7).saw(content[2*a.page+7])
		writes(t, a.addr(3)+7, 7).ended()
		noEvent(t, d)
		for i, left := range []string{".##.", "..#.", "...."} {
			v := writes(t, a.addr(i)+5, 9)
			wpFault(t, d, a, i)
			if i == 0 {
				v.stuck()
			}
			unprotect(t, d, a.at(i))
			v.ended()
			wantProtected(t, a, left)
			content[uint64(i)*a.page+5] = 9
		}
		content[3*a.page+7] = 7
		noEvent(t, d)
		if err := d.Unregister(a.all()); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.mem, content) {
			t.Error("the memory holds other bytes than were written")
		}
	})
}

// The kernel's test has no exact addresses for write-protection.
func TestWpExactAddress(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 2, uffd.FeatureExactAddress)
		protect(t, d, a.all())
		at := a.addr(1) + a.page - 3
		v := writes(t, at, 9)
		f := nextFault(t, d)
		// Processors that only report the page of a fault (s390x) give a rounded one.
		if f.Flags != uffd.FaultWP|uffd.FaultWrite || f.Address != at && f.Address != at&^(smallPage-1) {
			t.Errorf("%v; want a write to %#x", f, at)
		}
		unprotect(t, d, a.all())
		v.ended()
	})
}

// Unprotecting does not have to wake, and waking does not have to unprotect.
func TestWpWake(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 2, 0)
		protect(t, d, a.all())
		v := writes(t, a.addr(0), 9)
		wpFault(t, d, a, 0)

		// Still protected: it faults once more.
		if err := d.Wake(a.at(0)); err != nil {
			t.Fatal(err)
		}
		wpFault(t, d, a, 0)

		if err := d.WriteUnprotect(a.all(), uffd.DontWake); err != nil {
			t.Fatal(err)
		}
		wantProtected(t, a, "..")
		if err := d.Wake(a.at(1)); err != nil { // another page
			t.Fatal(err)
		}
		v.stuck()
		if err := d.Wake(a.at(0)); err != nil {
			t.Fatal(err)
		}
		v.ended()
		noEvent(t, d)
	})
}

// All who wait for one page go on together, and so do those who wait for several.
func TestWpManyWriters(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, _ := guarded(t, k, 3, 0)
		protect(t, d, a.all())
		var waiting []*visitor
		for i := range 6 {
			waiting = append(waiting, writes(t, a.addr(i%3)+uint64(i), byte(i)))
		}
		seen := map[uint64]int{}
		var events [6]uffd.Event
		for n := 0; n < len(events); {
			ctx, cancel := patience(t)
			got, err := d.ReadContext(ctx, events[:])
			cancel()
			if err != nil {
				t.Fatalf("after %d messages: %v", n, err)
			}
			for i := range events[:got] {
				seen[events[i].Fault().Address]++
			}
			n += got
		}
		for i := range 3 {
			if seen[a.addr(i)] != 2 {
				t.Errorf("%d messages about page %d, want 2: %v", seen[a.addr(i)], i, seen)
			}
		}
		unprotect(t, d, a.at(0))
		waiting[0].ended()
		waiting[3].ended()
		waiting[1].stuck()
		unprotect(t, d, a.all())
		for _, v := range waiting {
			v.ended()
		}
	})
}

// A write that the kernel makes for a system call waits as well, or fails with
// EFAULT where the descriptor does not see it.
func TestWpByTheKernel(t *testing.T) {
	for _, test := range []struct {
		name string
		open func(t testing.TB, o uffd.Options) *uffd.Descriptor
		mode uffd.UserMode
		want error
	}{
		{"seen", openAll, uffd.KernelFaults, nil},
		{"unseen", open, uffd.UserModeOnly, unix.EFAULT},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := test.open(t, uffd.Options{Required: uffd.FeaturePagefaultFlagWP, UserMode: test.mode})
			a := newArea(t, anon, 1)
			a.mem[0] = 1
			register(t, d, a.all(), uffd.ModeWP)
			protect(t, d, a.all())
			if err := writeByKernel(t, d, a, test.want == nil); !errors.Is(err, test.want) {
				t.Errorf("read(2) into the page: %v, want %v", err, test.want)
			}
			noEvent(t, d)
		})
	}
}

// writeByKernel makes the kernel write 2 into the first byte of the area, and
// unprotects it if that waits.
func writeByKernel(t *testing.T, d *uffd.Descriptor, a *area, waits bool) error {
	t.Helper()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if _, err := unix.Write(pipe[1], []byte{2}); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		_, err := unix.Read(pipe[0], a.mem[:1])
		result <- err
	}()
	if waits {
		wpFault(t, d, a, 0)
		unprotect(t, d, a.at(0))
	}
	ctx, cancel := patience(t)
	defer cancel()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		t.Fatal("read(2) does not return")
		return nil
	}
}
