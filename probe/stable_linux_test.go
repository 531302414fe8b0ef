package probe

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
)

// comparable is what two runs have to agree on. Huge pages that are reserved
// count as a setting, but here other tests may take them meanwhile.
func comparable(r Report) map[Question][]string {
	all := map[Question][]string{}
	for _, a := range r.Answers {
		if a.Momentary {
			continue
		}
		values := slices.DeleteFunc(slices.Clone(a.Values), func(v string) bool { return v == SharedHugetlb || v == PrivateHugetlb })
		all[a.Name] = append([]string{string(a.Verdict)}, values...)
	}
	return all
}

func TestStable(t *testing.T) {
	want := comparable(Run(context.Background()))
	if len(want) < 30 {
		t.Fatalf("only %d stable answers", len(want))
	}
	var all sync.WaitGroup
	for range testgate.Rounds(3, 1) {
		all.Go(func() {
			if diff := cmp.Diff(want, comparable(Run(context.Background()))); diff != "" {
				t.Errorf("another run, beside others, gives (+):\n%s", diff)
			}
		})
	}
	all.Wait()
	if diff := cmp.Diff(want, comparable(Run(context.Background()))); diff != "" {
		t.Errorf("another run gives (+):\n%s", diff)
	}
}

// Nothing depends on what was asked before.
func TestAskAlone(t *testing.T) {
	want := comparable(Run(context.Background()))
	for _, q := range slices.Backward(Questions()) {
		got := comparable(Report{Answers: []Answer{Ask(q)}})
		if !q.Stable() {
			if len(got) != 0 {
				t.Errorf("%s is not stable, and its answer does not say so", q)
			}
			continue
		}
		if diff := cmp.Diff(want[q], got[q]); diff != "" {
			t.Errorf("%s alone (+):\n%s", q, diff)
		}
	}
}

// Numbers that change from moment to moment are not in the values of what is
// called stable.
func TestMomentary(t *testing.T) {
	var momentary []string
	for _, q := range Questions() {
		if !q.Stable() {
			momentary = append(momentary, string(q))
		}
	}
	const want = "userfaultfd.thp memfd.hugetlb-page pkey.free thp.page hugetlb.pages limits.mappings"
	if got := strings.Join(momentary, " "); got != want {
		t.Errorf("of the moment are\n%s, want\n%s", got, want)
	}
}
