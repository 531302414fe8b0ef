package track

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
)

// Contents that are given up. Private anonymous memory keeps no mark on a page that
// goes, so that counts as a write; all other memory keeps it. What was dirty before
// is dirty in any case.
func TestGivenUp(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			tr := open(t)
			a := k.make(t)
			all := fmt.Sprintf("0-%d", a.pages()-1)
			half := a.pages() / 2
			add(t, tr, a.all())
			noted := func(s string) string {
				if !k.noted {
					return ""
				}
				return s
			}
			a.fill(7)
			a.want(t, tr, "filled", all)
			if err := unix.Madvise(a.part(half, half), unix.MADV_DONTNEED); err != nil {
				t.Fatal(err)
			}
			a.want(t, tr, "half of it discarded", noted(fmt.Sprintf("%d-%d", half, a.pages()-1)))
			a.read(half)
			a.want(t, tr, "read again", "")
			a.fill(7)
			a.want(t, tr, "filled again", all)
			for _, what := range []string{"all discarded", "discarded twice"} {
				a.advise(t, 0, a.pages(), unix.MADV_DONTNEED)
				a.want(t, tr, what, noted(all))
			}
			a.fill(9)
			a.advise(t, 0, a.pages(), unix.MADV_DONTNEED)
			a.want(t, tr, "written and discarded", all)
			a.write(0)
			first := "0"
			if a.unit > 1 {
				first = fmt.Sprintf("0-%d", a.unit-1)
			}
			a.want(t, tr, "written", first)
		})
	}
}

// Holes in files, lazy freeing, guards.
func TestGivenUpInOtherWays(t *testing.T) {
	t.Run("MADV_REMOVE", func(t *testing.T) {
		tr := open(t)
		a := memfd(t, unix.MAP_SHARED)
		add(t, tr, a.all())
		a.fill(1)
		a.want(t, tr, "filled", "0-9")
		a.write(4)
		a.advise(t, 3, 2, unix.MADV_REMOVE)
		a.want(t, tr, "a clean and a dirty page removed", "4")
		a.write(3)
		a.want(t, tr, "written", "3")
	})
	t.Run("MADV_FREE", func(t *testing.T) {
		tr := open(t)
		a := anon(t, 10)
		add(t, tr, a.all())
		a.fill(1)
		a.want(t, tr, "filled", "0-9")
		a.advise(t, 3, 2, unix.MADV_FREE)
		// Whether the kernel has taken them already is its own affair.
		kept := a.mem[3*page] == 1
		got := a.ask(t, tr.Dirty)
		if kept && got != "" || !kept && got == "" {
			t.Errorf("freed: %q is dirty, and the contents are there: %v", got, kept)
		}
		a.write(4)
		if got := a.ask(t, tr.Dirty); got != "4" && got != "3-4" {
			t.Errorf("written: %q", got)
		}
	})
	t.Run("a guard region", func(t *testing.T) {
		tr := open(t)
		a := anon(t, 10)
		add(t, tr, a.all())
		a.fill(1)
		a.want(t, tr, "filled", "0-9")
		if err := unix.Madvise(a.part(3, 2), unix.MADV_GUARD_INSTALL); err != nil {
			testgate.Skip(t, testgate.GuardRegions, "MADV_GUARD_INSTALL: "+err.Error())
		}
		if got := a.ask(t, tr.Dirty); got != "3-4" {
			t.Errorf("guarded: %q", got)
		}
		a.advise(t, 3, 2, unix.MADV_GUARD_REMOVE)
		if got := a.ask(t, tr.Dirty); got != "3-4" {
			t.Errorf("no more guarded: %q", got)
		}
		a.want(t, tr, "no more guarded", "3-4")
	})
}
