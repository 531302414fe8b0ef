package matrix

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/probe"
	"github.com/pageslot/pageslot/testgate"
)

const page = 16384

// report is a probe's report with these answers.
func report(answers ...probe.Answer) probe.Report {
	return probe.Report{Complete: true, Answers: answers, Limits: probe.Limits{PageSize: probe.Number(page)}}
}

func yes(q probe.Question, values ...string) probe.Answer {
	return probe.Answer{Name: q, Verdict: probe.Yes, Values: values}
}

func no(q probe.Question, why string) probe.Answer {
	return probe.Answer{Name: q, Verdict: probe.No, Reason: why}
}

// example is what a machine showed, and the expectation that fits.
func example() (Seen, Expect) {
	free := yes("free", "17")
	free.Momentary = true
	seen := Seen{
		Probe: map[string]probe.Report{
			Root: report(yes("a", "X", "Y"), no("b", "too old"), free),
			User: report(yes("a", "X", "Y"), yes("b"), free),
		},
		Skips: map[string]map[string]map[string]int{
			Root: {"memfd": {"memfd-secret": 2, "long": 1}, "sys": {}},
			User: {"memfd": {"root": 1, "long": 1}, "sys": {}},
		},
		All: true, Short: true,
	}
	want := Expect{
		Probe: map[string]Answers{
			Root: {"a": {probe.Yes, []string{"X", "Y"}}, "b": {probe.No, nil}, "free": {probe.Yes, nil}},
			User: {"b": {probe.Yes, nil}},
		},
		Skips: map[string]map[string]Names{
			Root: {"memfd": {"long", "memfd-secret"}},
			User: {"memfd": {"long", "root"}},
		},
	}
	return seen, want
}

func TestCompare(t *testing.T) {
	seen, want := example()
	if got := want.Compare(page, seen); len(got) != 0 {
		t.Fatalf("differences where there are none: %q", got)
	}
	for name, test := range map[string]struct {
		change func(*Seen, *Expect)
		want   []string
	}{
		"an extra skip": {func(s *Seen, e *Expect) { s.Skips[Root]["sys"]["mseal"] = 3 },
			[]string{`sys as root: an extra skip "mseal", 3 times`}},
		"an extra skip as the user alone": {func(s *Seen, e *Expect) { s.Skips[User]["memfd"]["memfd-secret"] = 1 },
			[]string{`memfd as user: an extra skip "memfd-secret", once`}},
		"a vanished skip": {func(s *Seen, e *Expect) { delete(s.Skips[Root]["memfd"], "memfd-secret") },
			[]string{`memfd as root: the skip "memfd-secret" has vanished`}},
		"a package that is gone": {func(s *Seen, e *Expect) { delete(s.Skips[User], "memfd") },
			[]string{"memfd as user: skips are expected (long, root), and no such package ran"}},
		"a package that was not wanted": {func(s *Seen, e *Expect) { s.All = false; delete(s.Skips[User], "memfd") }, nil},
		"in full":                       {func(s *Seen, e *Expect) { s.Short = false; delete(s.Skips[User]["memfd"], "long") }, nil},
		"short without long": {func(s *Seen, e *Expect) { delete(s.Skips[User]["memfd"], "long") },
			[]string{`memfd as user: the skip "long" has vanished`}},
		"another verdict": {func(s *Seen, e *Expect) { s.Probe[Root].Answers[1].Verdict = probe.Yes },
			[]string{"probe as root: b is yes [too old], expected no"}},
		"other values": {func(s *Seen, e *Expect) { s.Probe[User].Answers[0].Values = []string{"X"} },
			[]string{"probe as user: a is yes (X), expected yes (X, Y)"}},
		"other values of the moment": {func(s *Seen, e *Expect) { s.Probe[User].Answers[2].Values = []string{"18"} }, nil},
		"another verdict of the moment": {func(s *Seen, e *Expect) { s.Probe[User].Answers[2].Verdict = probe.No },
			[]string{"probe as user: free is no, expected yes"}},
		"the user's answer is root's": {func(s *Seen, e *Expect) { s.Probe[User].Answers[1].Verdict = probe.No },
			[]string{"probe as user: b is no, expected yes"}},
		"inconclusive": {func(s *Seen, e *Expect) {
			s.Probe[Root].Answers[0] = probe.Answer{Name: "a", Verdict: probe.Inconclusive, Reason: "no memory"}
		}, []string{"probe as root: a is inconclusive: no memory"}},
		"a new question": {func(s *Seen, e *Expect) { delete(e.Probe[Root], "a") },
			[]string{"probe as root: a is yes (X, Y), and nothing is expected", "probe as user: a is yes (X, Y), and nothing is expected"}},
		"a question that is gone": {func(s *Seen, e *Expect) { e.Probe[User]["z"] = Answer{Verdict: probe.No} },
			[]string{"probe as user: z was not asked, expected no"}},
		"another page": {func(s *Seen, e *Expect) {
			r := s.Probe[Root]
			r.Limits.PageSize = probe.Number(4 * page)
			s.Probe[Root] = r
		}, []string{"probe as root: a page has 65536 bytes, expected 16384"}},
		"an interrupted probe": {func(s *Seen, e *Expect) {
			r := s.Probe[Root]
			r.Complete = false
			s.Probe[Root] = r
		}, []string{"probe as root: it was interrupted"}},
		"no probe": {func(s *Seen, e *Expect) { s.Probe = nil }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			seen, want := example()
			test.change(&seen, &want)
			if diff := cmp.Diff(test.want, want.Compare(page, seen)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	seen, want := example()
	if diff := cmp.Diff(want, Expect{}.Merge(seen)); diff != "" {
		t.Error(diff)
	}
	// What did not run stays.
	seen.All = false
	seen.Probe = nil
	delete(seen.Skips[Root], "memfd")
	seen.Skips[User]["memfd"] = map[string]int{}
	wanted := want
	wanted.Skips = map[string]map[string]Names{Root: {"memfd": {"long", "memfd-secret"}}, User: {}}
	if diff := cmp.Diff(wanted, want.Merge(seen)); diff != "" {
		t.Error(diff)
	}
	// Without -short nobody knows whether something takes long.
	seen, want = example()
	seen.Short = false
	delete(seen.Skips[Root]["memfd"], "long")
	delete(seen.Skips[User]["memfd"], "long")
	if diff := cmp.Diff(want, want.Merge(seen)); diff != "" {
		t.Error(diff)
	}
	// What is inconclusive is no expectation.
	seen, _ = example()
	seen.Probe[Root].Answers[0].Verdict = probe.Inconclusive
	if _, ok := (Expect{}).Merge(seen).Probe[Root]["a"]; ok {
		t.Error("an inconclusive answer became an expectation")
	}
}

// Whatever was seen is what is expected after an update, and what is written is
// what is read.
func TestMergeProperty(t *testing.T) {
	for seed := range testgate.Rounds(uint64(100), 20) {
		r := rand.New(rand.NewPCG(seed, 0))
		old, seen := randomSeen(r), randomSeen(r)
		e := Expect{}.Merge(old).Merge(seen)
		if got := e.Compare(page, seen); len(got) != 0 {
			t.Fatalf("seed %d: %q", seed, got)
		}
		dir := t.TempDir()
		if err := e.Write(dir, "amd64-6.1"); err != nil {
			t.Fatal(err)
		}
		back, err := ReadExpect(os.DirFS(dir), "amd64-6.1")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(e.text()), string(back.text())); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		if got := back.Compare(page, seen); len(got) != 0 {
			t.Fatalf("seed %d, read back: %q", seed, got)
		}
	}
}

func randomSeen(r *rand.Rand) Seen {
	s := Seen{Probe: map[string]probe.Report{}, Skips: map[string]map[string]map[string]int{Root: {}, User: {}}, All: r.IntN(2) == 0, Short: r.IntN(4) > 0}
	for _, who := range []string{Root, User} {
		var as []probe.Answer
		for i := range 4 {
			a := probe.Answer{Name: probe.Question(fmt.Sprint("q", i)), Verdict: []probe.Verdict{probe.Yes, probe.No}[r.IntN(2)], Momentary: i == 3}
			for range r.IntN(3) {
				a.Values = append(a.Values, fmt.Sprintf("v\"%d", r.IntN(3)))
			}
			as = append(as, a)
		}
		s.Probe[who] = report(as...)
		for range r.IntN(4) {
			skips := map[string]int{}
			for range r.IntN(3) {
				skips[[]string{"long", "pkey", "mseal"}[r.IntN(3)]]++
			}
			s.Skips[who][fmt.Sprint("p", r.IntN(4))] = skips
		}
	}
	return s
}

func TestReadExpectRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadExpect(os.DirFS(dir), "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "expect"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "expect", "odd.json"), []byte(`{"skip": {}}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadExpect(os.DirFS(dir), "odd"); err == nil || !strings.Contains(err.Error(), `unknown field "skip"`) {
		t.Error(err)
	}
}

// The committed expectations are of machines that there are, and in the form in
// which they are written.
func TestCommittedExpectations(t *testing.T) {
	m := the(t)
	files, err := fs.Glob(Embedded(), "expect/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		if !slices.ContainsFunc(m.Machines, func(x Machine) bool { return x.Name == name }) {
			t.Errorf("%s: there is no such machine", f)
			continue
		}
		e, err := ReadExpect(Embedded(), name)
		if err != nil {
			t.Error(err)
			continue
		}
		text, _ := fs.ReadFile(Embedded(), f)
		if diff := cmp.Diff(string(text), string(e.text())); diff != "" {
			t.Errorf("%s is not in the form that -update writes:\n%s", f, diff)
		}
	}
}
