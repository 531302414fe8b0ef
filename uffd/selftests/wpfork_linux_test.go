package selftests

import (
	"strconv"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/uffd"
)

// protectedIn is a.protected of another process that has the area.
func protectedIn(t testing.TB, v *visitor, a *area) string {
	t.Helper()
	bits := bitsOf(t, strconv.Itoa(v.p.Pid()), a.all())
	var s strings.Builder
	small := int(a.page / smallPage)
	for i := range len(bits) / small {
		n := 0
		for _, b := range bits[i*small:][:small] {
			if b.has(bitProtected) {
				n++
			}
		}
		switch n {
		case small:
			s.WriteByte('#')
		case 0:
			s.WriteByte('.')
		default:
			s.WriteByte('?')
		}
	}
	return s.String()
}

// A forked process's copies are protected where its descriptor follows it, and not
// where it does not.
func TestWpFork(t *testing.T) { eachFork(t, allMemory, func(testing.TB, *area) {}) }

// The same for pages that are in swap space.
func TestWpForkSwapped(t *testing.T) {
	eachFork(t, []memory{anon, shmem, shmemPrivate}, func(t testing.TB, a *area) { swapOut(t, a.all()) })
}

// The same for pages that a file has and that are not mapped: a marker stands for
// the protection.
func TestWpForkMarker(t *testing.T) {
	eachFork(t, []memory{shmem, hugetlb}, func(t testing.TB, a *area) { advise(t, a.all(), sys.MADV_DONTNEED) })
}

// The same for pages that are pinned, which a fork copies at once.
func TestWpForkPin(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		for _, event := range []bool{false, true} {
			t.Run(eventName(event), func(t *testing.T) {
				d, a, content := forkable(t, k, event)
				defer pin(t, a.mem)()
				protect(t, d, a.at(0))
				forkProtected(t, d, a, content, event)
			})
		}
	})
}

func eventName(event bool) string {
	if event {
		return "with event"
	}
	return "without event"
}

func forkable(t *testing.T, k memory, event bool) (*uffd.Descriptor, *area, []byte) {
	t.Helper()
	features := uffd.Features(0)
	if event {
		features = uffd.FeatureEventFork
	}
	return guarded(t, k, 2, features)
}

// eachFork protects page 0, does what there is to do before the fork, and looks at
// parent and child.
func eachFork(t *testing.T, kinds []memory, before func(testing.TB, *area)) {
	t.Helper()
	forEach(t, kinds, func(t *testing.T, k memory) {
		for _, event := range []bool{false, true} {
			t.Run(eventName(event), func(t *testing.T) {
				d, a, content := forkable(t, k, event)
				protect(t, d, a.at(0))
				before(t, a)
				forkProtected(t, d, a, content, event)
			})
		}
	})
}

// forkProtected forks and finds out which pages of the child are protected, by
// what the kernel shows and by writing to them. The parent's stay as they are.
func forkProtected(t *testing.T, d *uffd.Descriptor, a *area, content []byte, event bool) {
	t.Helper()
	g := newGate(t)
	v := forked(t, g.closed(),
		rawproc.Load(a.addr(0)+3), rawproc.Load(a.addr(1)+3),
		rawproc.Store(a.addr(1)+3, 9), rawproc.Store(a.addr(0)+3, 8), rawproc.Load(a.addr(0)+3))
	child := d
	want := ".."
	if event {
		child, want = descendant(t, d), "#."
	}
	waitFor(t, "the process", func() bool { return v.p.Pid() != 0 })
	if showsProtection(t) {
		got := protectedIn(t, v, a)
		wantProtected(t, a, "#.")
		if !event && got == "#." && a.kind.huge() {
			// Linux 6.1 leaves the bits in the child, where nobody can take them
			// away: a write would fault again and again.
			if err := v.p.Kill(); err != nil {
				t.Error(err)
			}
			trapped(t, d, a, 0)
			return
		}
		if event && got == ".." && a.kind == hugetlbPrivate {
			// Linux 6.1 copies a page that is pinned without its protection.
			g.open()
			v.ended()
			noEvent(t, d)
			trapped(t, d, a, 0)
			return
		}
		if got != want {
			t.Errorf("protected in the child: %s, want %s", got, want)
		}
	}
	g.open()
	if event {
		wpFault(t, child, a, 0)
		v.stuck()
		wantProtected(t, a, "#.")
		unprotect(t, child, a.at(0))
	}
	v.ended()
	for i, value := range map[int]byte{1: content[3], 2: content[a.page+3], 5: 8} {
		if got, _ := v.p.Result(i); got != uint64(value) {
			t.Errorf("step %d: the child read %#x, want %#x", i, got, value)
		}
	}
	noEvent(t, d)
	trapped(t, d, a, 0)
	untrapped(t, d, a, 1)
}

// The child's descriptor protects the child alone.
func TestWpForkProtectedLater(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		d, a, _ := forkable(t, k, true)
		g := newGate(t)
		v := forked(t, g.closed(), rawproc.Store(a.addr(0), 8))
		c := descendant(t, d)
		protect(t, c, a.at(0))
		wantProtected(t, a, "..")
		untrapped(t, d, a, 0)
		g.open()
		wpFault(t, c, a, 0)
		unprotect(t, c, a.all())
		v.ended()
	})
}

// Protection of nothing (WP_UNPOPULATED) goes along to the child as well.
func TestWpForkUnpopulated(t *testing.T) {
	for _, event := range []bool{false, true} {
		t.Run(eventName(event), func(t *testing.T) {
			features := uffd.FeaturePagefaultFlagWP | uffd.FeatureWPUnpopulated
			if event {
				features |= uffd.FeatureEventFork
			}
			d := open(t, uffd.Options{Required: features})
			a := newArea(t, anon, 2)
			register(t, d, a.all(), uffd.ModeWP)
			protect(t, d, a.at(0))
			forkProtected(t, d, a, a.zeros(2), event)
		})
	}
}

// Read- and write-protection (Linux 7.3) goes along in the same way.
func TestRwpFork(t *testing.T) {
	forEach(t, allMemory, func(t *testing.T, k memory) {
		for _, event := range []bool{false, true} {
			t.Run(eventName(event), func(t *testing.T) {
				features, want := uffd.Features(0), ".."
				if event {
					features, want = uffd.FeatureEventFork, "#."
				}
				d, a, content := closed(t, k, 2, features)
				closeOff(t, d, a.at(0))
				g := newGate(t)
				v := forked(t, g.closed(), rawproc.Load(a.addr(1)), rawproc.Load(a.addr(0)))
				child := d
				if event {
					child = descendant(t, d)
				}
				waitFor(t, "the process", func() bool { return v.p.Pid() != 0 })
				if got := protectedIn(t, v, a); got != want {
					t.Errorf("protected in the child: %s, want %s", got, want)
				}
				g.open()
				if event {
					rwpFault(t, child, a, 0, 0)
					openUp(t, child, a.at(0))
				}
				v.ended()
				for i, page := range []int{1, 0} {
					if got, _ := v.p.Result(i + 1); got != uint64(content[uint64(page)*a.page]) {
						t.Errorf("page %d: the child read %#x", page, got)
					}
				}
				wantProtected(t, a, "#.")
				r := reads(t, a.addr(0))
				rwpFault(t, d, a, 0, 0)
				openUp(t, d, a.at(0))
				r.saw(content[0])
				noEvent(t, d)
			})
		}
	})
}
