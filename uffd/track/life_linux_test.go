package track

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

// After a fork the parent's writes are noted, though they go to copies; the child's
// are its own affair.
func TestFork(t *testing.T) {
	if err := rawproc.Supported(); err != nil {
		testgate.Need(t, testgate.Port, err)
	}
	tr := open(t)
	a := anon(t, 8)
	add(t, tr, a.all())
	a.fill(1)
	a.want(t, tr, "filled", "0-7")
	p, err := rawproc.Fork(rawproc.Store(a.span(5, 1).Start, 9), rawproc.Load(a.span(5, 1).Start))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 20*time.Second))
	defer cancel()
	if status, err := p.Wait(ctx); err != nil || status.ExitStatus() != 0 {
		t.Fatal(status, err)
	}
	if got, done := p.Result(1); !done || got != 9 {
		t.Errorf("the child has %d, %v", got, done)
	}
	a.want(t, tr, "written by the child", "")
	a.write(2)
	a.want(t, tr, "written by the parent", "2")
}

// Memory that moves is tracked no more.
func TestMremap(t *testing.T) {
	tr := open(t)
	a := anon(t, 4)
	add(t, tr, a.all())
	a.fill(1)
	mem, err := unix.Mmap(-1, 0, 4*int(page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	r := uffd.RangeOf(mem)
	if err := tr.Add(r); err != nil {
		t.Fatal(err)
	}
	mem[0] = 1
	moved, err := unix.Mremap(mem, 8*int(page), unix.MREMAP_MAYMOVE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(moved)
	if uffd.RangeOf(moved).Start == r.Start { // it could grow where it was
		return
	}
	moved[page] = 1
	if got := a.ask(t, func(b []pagemap.Region, f func(uffd.Range) error) error {
		return tr.Dirty(b, func(x uffd.Range) error {
			if !a.all().Contains(x.Start) {
				t.Errorf("%v is dirty, and was moved away", x)
				return nil
			}
			return f(x)
		})
	}); got != "0-3" {
		t.Errorf("the rest: %q", got)
	}
}

// Swapping out and in changes nothing.
func TestSwap(t *testing.T) {
	tr := open(t)
	a := anon(t, 8)
	add(t, tr, a.all())
	a.fill(1)
	a.want(t, tr, "filled", "0-7")
	a.write(1)
	a.write(2)
	m, err := pagemap.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var e [8]pagemap.Entry
	for range 20 {
		a.advise(t, 0, 8, unix.MADV_PAGEOUT)
		if _, err := m.Entries(a.all().Start, e[:]); err != nil {
			t.Fatal(err)
		}
		if !e[1].Present() && !e[5].Present() {
			break
		}
		time.Sleep(testgate.Stretch(t, time.Millisecond))
	}
	if e[1].Present() || e[5].Present() {
		testgate.Skip(t, testgate.Swap, fmt.Sprintf("MADV_PAGEOUT left pages in memory: %v", e))
	}
	a.want(t, tr, "swapped out", "1-2")
	a.read(1)
	a.read(5)
	a.want(t, tr, "swapped in", "")
	a.write(5)
	a.want(t, tr, "written", "5")
}
