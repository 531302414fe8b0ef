package pagemap

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// Transparent huge pages: whole ones are protected as they are. Protecting a part
// splits them, and so does the first write.
func TestTransparentHugePages(t *testing.T) {
	const huge = 4
	for what, test := range map[string]func(t *testing.T, m *Map, a area){
		"whole": func(t *testing.T, m *Map, a area) {
			// Those that there are stay, and khugepaged makes none again of what the writes split.
			if err := a.advise(0, a.pages(), unix.MADV_NOHUGEPAGE); err != nil {
				t.Fatal(err)
			}
			if got, _, _ := a.scan(t, m, a.all(), collect, a.pages()); got != "" {
				t.Errorf("new: %q", got)
			}
			a.want(t, m, "new, again", dirty, "")
			a.want(t, m, "still huge", hugePresent, all(a)+" HUGE")
			a.fill(0xff)
			a.want(t, m, "written", collect, all(a))
			a.want(t, m, "collected", dirty, "")
			a.want(t, m, "split by the writes", hugePresent, "")
		},
		"one page in the middle": func(t *testing.T, m *Map, a area) {
			middle := a.pages()/2 + 3
			a.write(middle)
			a.want(t, m, "one write", dirty, fmt.Sprint(middle))
			first := middle / a.unit * a.unit
			a.want(t, m, "its huge page split", hugePresent, fmt.Sprintf("0-%d HUGE, %d-%d HUGE", first-1, first+a.unit, a.pages()-1))
		},
		"the first half cleaned": func(t *testing.T, m *Map, a area) {
			a.fill(0)
			if _, _, err := m.Scan(a.span(0, a.pages()/2), collect, nil); err != nil {
				t.Fatal(err)
			}
			a.want(t, m, "then", dirty, fmt.Sprintf("%d-%d", a.pages()/2, a.pages()-1))
		},
		"the first half by MaxPages": func(t *testing.T, m *Map, a area) {
			a.fill(0)
			q := collect
			q.MaxPages = uint64(a.pages() / 2)
			if got, _, _ := a.scan(t, m, a.all(), q, a.pages()); got != fmt.Sprintf("0-%d", a.pages()/2-1) {
				t.Errorf("collected: %q", got)
			}
			a.want(t, m, "then", dirty, fmt.Sprintf("%d-%d", a.pages()/2, a.pages()-1))
		},
		"the second half": func(t *testing.T, m *Map, a area) {
			a.fill(0xff)
			if got, _, _ := a.scan(t, m, a.span(a.pages()/2, a.pages()/2), collect, a.pages()); got != fmt.Sprintf("%d-%d", a.pages()/2, a.pages()-1) {
				t.Errorf("collected: %q", got)
			}
			a.want(t, m, "then", dirty, fmt.Sprintf("0-%d", a.pages()/2-1))
		},
		"half a huge page": func(t *testing.T, m *Map, a area) {
			a.fill(0xff)
			q := collect
			q.MaxPages = uint64(a.unit / 2)
			got, n, end := a.scan(t, m, a.all(), q, 1)
			if n != 1 || got != fmt.Sprintf("0-%d", a.unit/2-1) || end != a.unit/2 {
				t.Errorf("collected: %q up to %d", got, end)
			}
			a.want(t, m, "then", dirty, fmt.Sprintf("%d-%d", a.unit/2, a.pages()-1))
		},
		"a part that starts and ends inside": func(t *testing.T, m *Map, a area) {
			a.fill(0xff)
			from, n := a.unit/2, 2*a.unit
			if got, _, _ := a.scan(t, m, a.span(from, n), collect, a.pages()); got != fmt.Sprintf("%d-%d", from, from+n-1) {
				t.Errorf("collected: %q", got)
			}
			a.want(t, m, "then", dirty, fmt.Sprintf("0-%d, %d-%d", from-1, from+n, a.pages()-1))
		},
		"given up": func(t *testing.T, m *Map, a area) {
			if err := a.advise(0, a.pages(), unix.MADV_DONTNEED); err != nil {
				t.Fatal(err)
			}
			// Kernels before summer 2026 do not call these written; all call them absent.
			absent := Query{Inverted: Populated, Mask: Populated, Return: Present}
			a.want(t, m, "absent", absent, all(a)+" 0")
			if got, _, _ := a.scan(t, m, a.all(), dirty, a.pages()); got != all(a) {
				t.Logf("written: %q; this kernel does not count them", got)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			m, d := open(t), async(t)
			a := thp(t, m, huge)
			arm(t, d, a.all())
			test(t, m, a)
		})
	}
}

// Huge pages that nothing has split yet: a scan that protects does it where it has
// to.
func TestSplitByScan(t *testing.T) {
	m, d := open(t), async(t)
	a := thp(t, m, 4)
	register(t, d, a.all())
	u := a.unit
	a.want(t, m, "registered", Query{Mask: Written, Return: Written | Huge}, all(a)+" WRITTEN|HUGE")
	q := collect
	q.MaxPages = uint64(u / 2)
	if got, n, end := a.scan(t, m, a.all(), q, 1); n != 1 || got != fmt.Sprintf("0-%d", u/2-1) || end != u/2 {
		t.Errorf("half a huge page: %q up to %d", got, end)
	}
	a.want(t, m, "half of it protected", hugePresent, fmt.Sprintf("%d-%d HUGE", u, 4*u-1))
	if got, _, _ := a.scan(t, m, a.span(u+1, 2*u), collect, 4); got != fmt.Sprintf("%d-%d", u+1, 3*u) {
		t.Errorf("parts of two and one whole: %q", got)
	}
	a.want(t, m, "the whole one protected", hugePresent, fmt.Sprintf("%d-%d HUGE", 2*u, 3*u-1))
	a.want(t, m, "then", dirty, fmt.Sprintf("%d-%d, %d-%d", u/2, u, 3*u+1, 4*u-1))
}

var hugePresent = Query{Mask: Huge | Present, Return: Huge}

func all(a area) string { return fmt.Sprintf("0-%d", a.pages()-1) }
