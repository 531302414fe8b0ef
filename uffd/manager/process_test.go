package manager

import (
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

// What kernels tell of mappings that move and shrink at once.
func TestMovedAndShrunk(t *testing.T) {
	remap := func(pages uint64) event {
		return event{kind: uffd.EventRemap, remap: uffd.Remap{From: at(10, 0).Start, To: at(50, 0).Start, Len: pages * systemPage}}
	}
	unmap := func(r uffd.Range) event { return event{kind: uffd.EventUnmap, removed: r} }
	for _, test := range []struct {
		name   string
		events []event
		last   uint64 // the first page at the new place that is not known
	}{
		{"before 6.17", []event{remap(10), unmap(at(14, 6)), unmap(at(10, 4))}, 54},
		{"since 6.17", []event{remap(4), unmap(at(14, 6)), unmap(at(10, 4))}, 54},
		{"moved", []event{remap(10), unmap(at(10, 10))}, 60},
		{"an end that is unmapped later", []event{remap(10), unmap(at(10, 10)), unmap(at(14, 6))}, 60},
		{"an end alone", []event{remap(10), unmap(at(14, 6))}, 60},
		{"two moves", []event{remap(10), {kind: uffd.EventRemap, remap: uffd.Remap{From: at(80, 0).Start, To: at(90, 0).Start, Len: systemPage}}, unmap(at(14, 6)), unmap(at(10, 4))}, 60},
	} {
		p := &process{layout: mustLayout(t, Region{Range: at(10, 10), Source: patternSource{}}, Region{Range: at(57, 1), Source: patternSource{1}})}
		neighbour, _ := p.layout.find(at(57, 1).Start)
		for i := range test.events {
			p.apply(&test.events[i])
		}
		if err := p.layout.check(); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		for page := uint64(10); page < 70; page++ {
			s, ok := p.layout.find(page * systemPage)
			switch want := page >= 50 && page < test.last && page != 57; {
			case page == 57:
				if !ok || s != neighbour {
					t.Errorf("%s: what was at the target is gone: %+v", test.name, s)
				}
			case page < 50 && page >= 20 || page < 20 && len(test.events) == 3 && test.name != "two moves":
				if ok {
					t.Errorf("%s: page %d is known", test.name, page)
				}
			case page >= 50 && ok != want:
				t.Errorf("%s: page %d: known %v, want %v", test.name, page, ok, want)
			}
		}
	}
}
