package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pageslot/pageslot/probe"
)

// Seen is what a machine showed.
type Seen struct {
	Probe map[string]probe.Report              // by user; empty if the probe did not run
	Skips map[string]map[string]map[string]int // by user and package: how often each name; a package that ran is there
	// All says that every package of the module ran, so that expectations of
	// others are stale.
	All bool
	// Short is false if the tests ran in full: the skip "long" is not held
	// against anything then.
	Short bool
}

// long is the name of the skip of tests that take long.
const long = "long"

// Compare says, one line each, where seen differs from what was expected.
// Answers that are inconclusive differ from anything.
func (e Expect) Compare(page int, seen Seen) []string {
	var out []string
	for _, who := range []string{Root, User} {
		r, ok := seen.Probe[who]
		if ok {
			out = append(out, e.compareProbe(who, page, r)...)
		}
		out = append(out, e.compareSkips(who, seen)...)
	}
	return out
}

func (e Expect) compareProbe(who string, page int, r probe.Report) []string {
	var out []string
	differ := func(format string, args ...any) {
		out = append(out, "probe as "+who+": "+fmt.Sprintf(format, args...))
	}
	if n, ok := r.Limits.PageSize.Value(); !ok || n != uint64(page) {
		differ("a page has %v bytes, expected %d", r.Limits.PageSize, page)
	}
	if !r.Complete {
		differ("it was interrupted")
	}
	want, got := e.of(who), answers(r)
	for _, a := range r.Answers {
		w, ok := want[a.Name]
		g := got[a.Name]
		switch {
		case a.Verdict == probe.Inconclusive:
			differ("%s is inconclusive: %s", a.Name, a.Reason)
		case !ok:
			differ("%s is %v%s, and nothing is expected", a.Name, g, because(a))
		case !w.equal(g):
			differ("%s is %v%s, expected %v", a.Name, g, because(a), w)
		}
	}
	for _, q := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[q]; !ok {
			differ("%s was not asked, expected %v", q, want[q])
		}
	}
	return out
}

func because(a probe.Answer) string {
	if a.Reason == "" {
		return ""
	}
	return " [" + a.Reason + "]"
}

func (e Expect) compareSkips(who string, seen Seen) []string {
	var out []string
	for _, pkg := range slices.Sorted(maps.Keys(seen.Skips[who])) {
		want, got := e.Skips[who][pkg], seen.Skips[who][pkg]
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if !slices.Contains(want, name) && !(name == long && !seen.Short) {
				out = append(out, fmt.Sprintf("%s as %s: an extra skip %q, %s", pkg, who, name, times(got[name])))
			}
		}
		for _, name := range want {
			if got[name] == 0 && !(name == long && !seen.Short) {
				out = append(out, fmt.Sprintf("%s as %s: the skip %q has vanished", pkg, who, name))
			}
		}
	}
	if seen.All {
		for _, pkg := range slices.Sorted(maps.Keys(e.Skips[who])) {
			if _, ran := seen.Skips[who][pkg]; !ran {
				out = append(out, fmt.Sprintf("%s as %s: skips are expected (%s), and no such package ran", pkg, who, strings.Join(e.Skips[who][pkg], ", ")))
			}
		}
	}
	return out
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// Merge is the expectation that fits what was seen. What did not run stays.
// Inconclusive answers do not become expectations.
func (e Expect) Merge(seen Seen) Expect {
	out := Expect{Probe: maps.Clone(e.Probe), Skips: map[string]map[string]Names{}}
	if out.Probe == nil {
		out.Probe = map[string]Answers{}
	}
	if r, ok := seen.Probe[Root]; ok {
		out.Probe[Root] = conclusive(answers(r))
	}
	if r, ok := seen.Probe[User]; ok {
		as := conclusive(answers(r))
		maps.DeleteFunc(as, func(q probe.Question, a Answer) bool {
			w, ok := out.Probe[Root][q]
			return ok && w.equal(a)
		})
		out.Probe[User] = as
	}
	for who := range Users {
		skips := map[string]Names{}
		if !seen.All {
			maps.Copy(skips, e.Skips[who])
		}
		for pkg, got := range seen.Skips[who] {
			names := slices.Collect(maps.Keys(got))
			if !seen.Short {
				// Whether there would be long tests to skip is not known.
				names = slices.DeleteFunc(names, func(n string) bool { return n == long })
				if slices.Contains(e.Skips[who][pkg], long) {
					names = append(names, long)
				}
			}
			slices.Sort(names)
			delete(skips, pkg)
			if len(names) > 0 {
				skips[pkg] = names
			}
		}
		out.Skips[who] = skips
	}
	return out
}

func conclusive(as Answers) Answers {
	maps.DeleteFunc(as, func(_ probe.Question, a Answer) bool { return a.Verdict == probe.Inconclusive })
	return as
}
