package resolver_test

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// Faults on a page whose service has just ended are nobody's any more: they are not told
// of as if somebody waited, or the ring would fill in time and everybody wait.
func TestNobodyIsParked(t *testing.T) {
	child(t, func(t *testing.T) {
		d := open(t, anybody)
		r := start(t, d, resolver.Options{Ring: 16, Linger: true})
		other := mapped(t, 1)
		must(t, r.Serve(resolver.Rule{Range: uffd.RangeOf(other), Missing: resolver.Zero}))
		mem := unmappable(t, 1)
		for range testgate.Rounds(1000, 100) {
			of := uffd.RangeOf(mem)
			must(t, r.Serve(resolver.Rule{Range: of, Missing: resolver.Copy, Source: pattern(1)}))
			begin := make(chan bool)
			ended := make(chan bool)
			go func() {
				together(8, func(int) {
					<-begin
					fault(func() { load(mem, 0) })
				})
				ended <- true
			}()
			close(begin)
			must(t, r.Fail(of))
			<-ended
			must(t, mmapAt(mem))
		}
		if s := r.Stats(); s.Parked != 0 {
			t.Errorf("%+v", s)
		}
		load(other, 0)
		must(t, r.Stop())
	})
}

// Memory is given up and moved while it is served, without end.
func TestChangingMemory(t *testing.T) {
	child(t, func(t *testing.T) {
		mem, source := mapped(t, 16), pattern(16)
		r := serve(t, openWith(t, uffd.FeatureEventUnmap), resolver.Options{Threads: 2, Ring: 16}, mem, resolver.Rule{Missing: resolver.Copy, Source: source, Granule: 4 * uint64(pageSize)})
		n := testgate.Rounds(2000, 200)
		together(4, func(i int) {
			for range n {
				if i == 0 {
					must(t, unix.Madvise(mem, unix.MADV_DONTNEED))
				} else if !bytes.Equal(mem, source) {
					t.Error("other bytes")
				}
			}
		})
		if s := r.Stats(); s.Parked+s.Failed != 0 {
			t.Errorf("%+v", s)
		}
		must(t, r.Stop())
	})
}

// A thousand rules side by side, each with its own page, given at once and one by one.
func TestManyRules(t *testing.T) {
	child(t, func(t *testing.T) {
		n := testgate.Rounds(1000, 200)
		mem, source := mapped(t, 2*n), pattern(2*n)
		r := start(t, open(t, anybody), resolver.Options{})
		var rules []resolver.Rule
		for i := range n {
			i = i * 7 % n
			rules = append(rules, resolver.Rule{Range: uffd.RangeOf(pages(mem, 2*i, 1)), Missing: resolver.Copy, Source: pages(source, 2*i, 1)})
		}
		must(t, r.Serve(rules[:n/2]...))
		for _, rule := range rules[n/2:] {
			must(t, r.Serve(rule))
		}
		for i := range n {
			if !bytes.Equal(pages(mem, 2*i, 1), pages(source, 2*i, 1)) {
				t.Fatalf("page %d has other bytes", i)
			}
			mem[(2*i+1)*pageSize] = 1 // between them is nobody's
		}
		counts(t, r, func(s resolver.Stats) bool { return s.Copies == uint64(n) && s.Outside == 0 })
		for _, rule := range rules[:10] {
			must(t, r.Fail(rule.Range))
		}
		if len(r.Ranges()) != n-10 {
			t.Errorf("%d ranges", len(r.Ranges()))
		}
		must(t, r.StopFinished())
	})
}
