package probe

import (
	"context"
	"os"
	"runtime"
	"testing"
)

// checkReport holds what is true of every report.
func checkReport(t *testing.T, r Report) {
	t.Helper()
	if !r.Complete || r.Schema != Schema || r.OS != runtime.GOOS || r.Arch != runtime.GOARCH || len(r.Answers) != len(table) {
		t.Errorf("%+v", r)
	}
	for i, a := range r.Answers {
		if a.Name != table[i].question || a.Asks != table[i].asks {
			t.Errorf("answer %d is %+v, want that of %s", i, a, table[i].question)
		}
		switch {
		case a.Verdict == Yes:
		case a.Verdict == No && a.Reason != "" && a.Remedy != "":
		case a.Verdict == Inconclusive && a.Reason != "":
		default:
			t.Errorf("%+v lacks a verdict, a reason or a remedy", a)
		}
	}
	if n, ok := r.Limits.PageSize.Value(); !ok || n != uint64(os.Getpagesize()) {
		t.Errorf("page size %v", r.Limits.PageSize)
	}
}

func TestRun(t *testing.T) {
	r := Run(context.Background())
	checkReport(t, r)
	for _, a := range r.Answers {
		t.Logf("%-12s %-26s %v %s", a.Verdict, a.Name, a.Values, a.Reason)
	}
	if runtime.GOOS != "linux" {
		for _, a := range r.Answers {
			if a.Verdict != No {
				t.Errorf("%+v on %s", a, runtime.GOOS)
			}
		}
	}
}

func TestRunInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if r := Run(ctx); r.Complete || len(r.Answers) != 0 || r.Schema != Schema {
		t.Errorf("%+v", r)
	}
}
