package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/probe"
)

func TestProbeJSON(t *testing.T) {
	c := call("probe", "-json")
	if c.status != exitOK || c.stderr != "" {
		t.Fatalf("%+v", c)
	}
	d := json.NewDecoder(strings.NewReader(c.stdout))
	d.DisallowUnknownFields()
	var r probe.Report
	if err := d.Decode(&r); err != nil {
		t.Fatal(err)
	}
	if d.More() {
		t.Error("there is more than one JSON value")
	}
	if !r.Complete || r.OS != runtime.GOOS || len(r.Answers) < 10 {
		t.Errorf("%+v", r)
	}
	if n, ok := r.Limits.PageSize.Value(); !ok || n != uint64(os.Getpagesize()) {
		t.Errorf("page size %v", r.Limits.PageSize)
	}
}

// The text has every answer, and nothing that the JSON form lacks.
func TestProbeText(t *testing.T) {
	c := call("probe")
	if c.status != exitOK || c.stderr != "" {
		t.Fatalf("%+v", c)
	}
	var r probe.Report
	if err := json.Unmarshal([]byte(call("probe", "-json").stdout), &r); err != nil {
		t.Fatal(err)
	}
	for _, a := range r.Answers {
		if !strings.Contains(c.stdout, a.Asks+"\n") {
			t.Errorf("the text has no line for %q", a.Asks)
		}
	}
	for _, heading := range []string{"userfaultfd", "memfd", "protection keys", "/proc", "memory calls", "huge pages", "limits"} {
		if strings.Count(c.stdout, "\n\n"+heading+"\n") != 1 {
			t.Errorf("the heading %q is not there once", heading)
		}
	}
	if !strings.Contains(c.stdout, "vm.max_map_count") {
		t.Error("the text has no limits")
	}
}

func TestProbeTextForm(t *testing.T) {
	r := probe.Report{
		OS: "linux", Arch: "amd64", Complete: true,
		Answers: []probe.Answer{
			{Name: "a.one", Asks: "the first", Verdict: probe.Yes, Values: []string{"X", "Y"}, Reason: "not Z"},
			{Name: "a.two", Asks: "the second", Verdict: probe.No, Reason: strings.Repeat("long ", 30) + "reason", Remedy: "help"},
			{Name: "b", Asks: "the third", Verdict: probe.Inconclusive, Reason: "no memory"},
		},
		Limits: probe.Limits{PageSize: probe.Number(4096), AddressSpace: probe.Unlimited, MaxMapCount: probe.Number(65530)},
	}
	want := `linux/amd64

a
  yes           the first
                X, Y
                note: not Z
  no            the second
                because: ` + strings.TrimSpace(strings.Repeat("long ", 15)) + `
                ` + strings.Repeat("long ", 15) + `reason
                remedy: help

b
  inconclusive  the third
                because: no memory

  page size                 4KiB
  vm.max_map_count          65530
  mappings now              unknown
  vm.overcommit_memory      unknown
  RLIMIT_AS                 unlimited
  RLIMIT_MEMLOCK            unknown
  bits of user addresses    unknown
  largest reservation       unknown
  vm.nr_hugepages           unknown
  transparent huge page     unknown
  vm.memfd_noexec           unknown
  unprivileged_userfaultfd  unknown
`
	if diff := cmp.Diff(want, probeText(r)); diff != "" {
		t.Error(diff)
	}
}

func TestProbeInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{nil, {"-json"}} {
		var out, errs bytes.Buffer
		status := probeCommand(ctx, args, &out, &errs)
		checkOneLine(t, called{status: status, stderr: errs.String()}, exitFailed, "interrupted")
		if out.Len() == 0 {
			t.Errorf("%q: nothing was printed", args)
		}
	}
}

func TestProbeBadUsage(t *testing.T) {
	checkOneLine(t, call("probe", "-JSON"), exitUsage, "pageslot probe", "-JSON")
	checkOneLine(t, call("probe", "-json=maybe"), exitUsage, "-json", "maybe")
	checkOneLine(t, call("probe", "userfaultfd"), exitUsage, `"userfaultfd"`)
}
