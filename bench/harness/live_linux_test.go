package harness

import (
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// cCompiler is this module's own name of a skip.
const cCompiler = testgate.Name("x-c-compiler")

func needAll(t *testing.T) {
	t.Helper()
	if _, err := compiler(); err != nil {
		testgate.Skip(t, cCompiler, err.Error())
	}
	d, err := open(0)
	testgate.Need(t, testgate.Userfaultfd, err)
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// Everything runs on both sides, and gives figures that can be.
func TestCompare(t *testing.T) {
	_, inChild, err := testgate.Child(t, 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !inChild {
		return
	}
	needAll(t)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector waits a second at the end of each worker
	e := effort{rounds: 2, warm: time.Millisecond, run: time.Millisecond, samples: 1, faults: 800}
	chosen := comparisons(e, os.Getpagesize())
	r, err := measure(settings{effort: e, cpu: -1, procs: 2, chosen: regexp.MustCompile("")}, chosen, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if r.failed() || len(r.Rows) < len(chosen) {
		t.Errorf("%+v", r.Rows)
	}
	for _, row := range r.Rows {
		if row.Missing != "" {
			t.Log(row.Name, row.Missing)
			continue
		}
		if row.Rounds != 2 || row.C.Low <= 0 || row.Go.Low <= 0 || row.Ratio.Median <= 0 {
			t.Errorf("%+v", row)
		}
		recovered := strings.Contains(row.Name, "/go=sigbus/") // the runtime allocates what a panic is
		if row.Allocs != 0 && !recovered && !conversionsAllocate() {
			t.Errorf("%s: %v allocations for an operation", row.Name, row.Allocs)
		}
	}
	for _, key := range []string{"kernel", "cpu", "commit", "cc", "go", "goos", "goarch", "pinned"} {
		found := false
		for _, p := range r.Header {
			found = found || p.key == key && p.value != "" && !strings.Contains(p.value, "\n")
		}
		if !found {
			t.Errorf("the header has no %s: %v", key, r.Header)
		}
	}
}

func TestNoCompiler(t *testing.T) {
	t.Setenv("CC", "")
	t.Setenv("PATH", t.TempDir())
	if err := build(t.TempDir()); !errors.Is(err, errNoCompiler) {
		t.Errorf("%v", err)
	}
}

// A kernel without a feature is no failure: the row says so.
func TestUnsupported(t *testing.T) {
	callCases["impossible"] = callCase{features: 1 << 63, mode: uffd.ModeMissing}
	defer delete(callCases, "impossible")
	d, err := open(0)
	testgate.Need(t, testgate.Userfaultfd, err)
	defer d.Close()
	if _, err := newCalls("", []string{"impossible", "4096", "1", "1", "1"}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}

func TestWorkersRefuseNonsense(t *testing.T) {
	for _, args := range [][]string{nil, {"calls"}, {"nothing", "uffd"}, {"calls", "uffd", "copy"}, {"calls", "uffd", "nothing", "1", "1", "1", "1"},
		{"calls", "uffd", "copy", "x", "1", "1", "1"}, {"reads", "uffd"}, {"reads", "uffd", "f", "16", "0", "1", "1"}, {"manager", "uffd", "f"}, {"manager", "other", "f", "1", "1"},
		{"faults", "resolver"}, {"faults", "nothing", "-1", "poll", "0", "1", "4096", "1", "1", "1"}, {"faults", "resolver", "-1", "poll", "0", "2", "4096", "1", "1", "1"},
		{"faults", "resolver", "-1", "poll", "0", "1", "4096", "0", "1", "1"}, {"faults", "resolver", "-1", "poll", "x", "1", "4096", "1", "1", "1"}} {
		if err := serveSamples(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

// A way that can't be had here does not take the others with it.
func TestMissingVariant(t *testing.T) {
	_, inChild, err := testgate.Child(t, 2*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if !inChild {
		return
	}
	needAll(t)
	t.Setenv("GORACE", "atexit_sleep_ms=0")
	c := faultComparisons(effort{faults: 100}, os.Getpagesize())[0]
	c.variants, c.aim = []string{impossibleWay, "sigbus"}, "sigbus"
	e := effort{rounds: 2}
	r, err := measure(settings{effort: e, cpu: -1, procs: 2}, []comparison{c}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 1+len(c.values) || r.failed() || r.Rows[0].Missing == "" || r.Rows[1].Rounds != 2 {
		t.Errorf("%+v", r.Rows)
	}
}

func TestServeRefusesNonsense(t *testing.T) {
	for _, args := range [][]string{nil, {"1", "2"}, {"x", "1", "1"}} {
		if err := serve(args); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func TestNoOtherProcessor(t *testing.T) {
	cpu, err := pick(-1)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := pickOther(cpu); other == cpu || err != nil && !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%d, %v", other, err)
	}
	if err := moveThread("nobody", cpu); err == nil {
		t.Error("a thread was moved that is not there")
	}
}
