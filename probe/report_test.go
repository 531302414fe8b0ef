package probe

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The JSON form is what scripts rely on: this text changes only together with
// Schema, unless something is added.
func TestJSON(t *testing.T) {
	r := Report{
		Schema: 1, OS: "linux", Arch: "amd64", Complete: true,
		Answers: []Answer{
			{Name: "a.b", Asks: "what", Verdict: Yes, Values: []string{"X"}},
			{Name: "c", Asks: "more", Verdict: No, Reason: "because", Remedy: "this", Refused: true, Momentary: true},
		},
		Limits: Limits{PageSize: Number(4096), AddressSpace: Unlimited},
	}
	got, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	want := `{
 "schema": 1,
 "os": "linux",
 "arch": "amd64",
 "answers": [
  {
   "name": "a.b",
   "asks": "what",
   "answer": "yes",
   "values": [
    "X"
   ]
  },
  {
   "name": "c",
   "asks": "more",
   "answer": "no",
   "reason": "because",
   "remedy": "this",
   "refused": true,
   "momentary": true
  }
 ],
 "limits": {
  "page_size": 4096,
  "max_map_count": null,
  "mappings": null,
  "overcommit_memory": null,
  "rlimit_as": "unlimited",
  "rlimit_memlock": null,
  "address_bits": null,
  "largest_mapping": null,
  "nr_hugepages": null,
  "thp_size": null,
  "memfd_noexec": null,
  "unprivileged_userfaultfd": null
 },
 "complete": true
}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
	var back Report
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back, cmp.AllowUnexported(Limit{})); diff != "" {
		t.Error(diff)
	}
}

func TestLimit(t *testing.T) {
	for _, tc := range []struct {
		l       Limit
		text    string
		ok      bool
		encoded string
	}{
		{Limit{}, "unknown", false, "null"},
		{Unlimited, "unlimited", false, `"unlimited"`},
		{Number(0), "0", true, "0"},
		{Number(1<<64 - 1), "18446744073709551615", true, "18446744073709551615"},
	} {
		b, err := json.Marshal(tc.l)
		if _, ok := tc.l.Value(); tc.l.String() != tc.text || ok != tc.ok || err != nil || string(b) != tc.encoded {
			t.Errorf("%v: %q, %v, %s, %v", tc, tc.l, ok, b, err)
		}
		var back Limit
		if err := json.Unmarshal(b, &back); err != nil || back != tc.l {
			t.Errorf("%s reads as %v, %v", b, back, err)
		}
	}
	for _, bad := range []string{`"none"`, "-1", "1.5", "{}", "18446744073709551616"} {
		if err := json.Unmarshal([]byte(bad), new(Limit)); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func TestAnswerByName(t *testing.T) {
	r := Report{Answers: []Answer{{Name: "a"}, {Name: "b", Verdict: No}}}
	if a, ok := r.Answer("b"); !ok || a.Verdict != No {
		t.Errorf("%+v, %v", a, ok)
	}
	if a, ok := r.Answer("c"); ok {
		t.Errorf("%+v", a)
	}
}

// Names are stable, so they have a form and are there once.
func TestQuestions(t *testing.T) {
	seen := map[Question]bool{}
	for _, q := range table {
		if seen[q.question] || q.asks == "" || strings.Trim(string(q.question), "abcdefghijklmnopqrstuvwxyz.-") != "" {
			t.Errorf("%+v is malformed or there twice", q)
		}
		seen[q.question] = true
	}
}
