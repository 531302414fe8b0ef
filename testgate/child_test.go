package testgate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const soon = 30 * time.Second

func TestChildPasses(t *testing.T) {
	out, inChild, err := Child(t, soon, "GATE_TEST_WORD=extra")
	if inChild {
		fmt.Println("to stdout", os.Getenv("GATE_TEST_WORD"))
		fmt.Fprintln(os.Stderr, "to stderr")
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := "to stdout extra\nto stderr\n"; out != want {
		t.Errorf("output %q, want %q", out, want)
	}
}

func TestChildFails(t *testing.T) {
	out, inChild, err := Child(t, soon)
	if inChild {
		t.Fatal("the child's own words")
	}
	failed, ok := errors.AsType[*ChildError](err)
	if !ok || failed.Deadline != 0 || failed.State.ExitCode() != 1 {
		t.Fatalf("got %#v", err)
	}
	if !strings.Contains(out, "the child's own words") || !strings.Contains(err.Error(), "the child's own words") {
		t.Errorf("the child's words are not in the output or the error: %v", err)
	}
}

func TestChildStatus(t *testing.T) {
	_, inChild, err := Child(t, soon)
	if inChild {
		os.Exit(7)
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 7 {
		t.Fatalf("got %v", err)
	}
}

// A child that exits with 0 before its test has ended has not passed.
func TestChildExitsWithNought(t *testing.T) {
	_, inChild, err := Child(t, soon)
	if inChild {
		os.Exit(0)
	}
	if err == nil || !strings.Contains(err.Error(), "os.Exit(0)") {
		t.Fatalf("got %v", err)
	}
}

func TestChildCrashes(t *testing.T) {
	_, inChild, err := Child(t, soon)
	if inChild {
		go func() { panic("nobody recovers this") }()
		select {} // returning could be faster than the panic
	}
	if err == nil || !strings.Contains(err.Error(), "nobody recovers this") {
		t.Fatalf("got %v", err)
	}
}

func TestChildKilledBySignal(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "plan9" {
		Skip(t, Port, "there are no signals")
	}
	_, inChild, err := Child(t, soon)
	if inChild {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Signal(syscall.SIGKILL)
		}
		t.Fatal("still alive: ", err)
	}
	failed, ok := errors.AsType[*ChildError](err)
	if !ok || failed.Deadline != 0 || failed.State.ExitCode() != -1 || !strings.Contains(err.Error(), "signal: killed") {
		t.Fatalf("got %v", err)
	}
}

func TestChildHangs(t *testing.T) {
	begin := time.Now()
	deadline := 50 * time.Millisecond
	out, inChild, err := Child(t, deadline)
	if inChild {
		fmt.Println("about to hang")
		hangHere()
	}
	for deadline < soon/10 && !strings.Contains(out, "about to hang") { // it was slow to start
		deadline *= 4
		out, _, err = Child(t, deadline)
	}
	if took := time.Since(begin); took > Stretch(t, soon) {
		t.Errorf("the parent waited %v", took)
	}
	failed, ok := errors.AsType[*ChildError](err)
	if !ok || failed.Deadline <= 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if !strings.Contains(failed.Output, "about to hang") {
		t.Errorf("its words are lost: %v", err)
	}
	if runtime.GOOS != "windows" && !strings.Contains(failed.Output, "testgate.hangHere") {
		t.Errorf("its stack does not show: %v", err)
	}
}

//go:noinline
func hangHere() {
	for {
		time.Sleep(time.Hour)
	}
}

func TestSubtestHasChild(t *testing.T) {
	t.Run("a b/c[1]", func(t *testing.T) {
		out, inChild, err := Child(t, soon)
		if inChild {
			fmt.Println(t.Name())
			return
		}
		if err != nil || out != t.Name()+"\n" {
			t.Errorf("output %q, error %v", out, err)
		}
	})
	t.Run("sibling", func(t *testing.T) {
		if os.Getenv(childEnv) != "" {
			t.Error("the child of another subtest runs this one too")
		}
	})
}

// The child's subtest has a child of its own, which must not start the first
// child again without end.
func TestChildOfChild(t *testing.T) {
	out, inChild, err := Child(t, soon)
	if !inChild {
		if err != nil || out != "grandchild\nchild\n" {
			t.Errorf("output %q, error %v", out, err)
		}
		return
	}
	t.Run("inner", func(t *testing.T) {
		out, inChild, err := Child(t, soon)
		if inChild {
			fmt.Println("grandchild")
			return
		}
		if err != nil {
			t.Error(err)
		}
		fmt.Print(out)
	})
	if !strings.Contains(os.Getenv(childEnv), "inner") {
		fmt.Println("child")
	}
}

// A test whose child never gets to the call of Child has tested nothing.
func TestChildNotReached(t *testing.T) {
	if os.Getenv("GATE_TEST_TURN_BACK") != "" {
		return
	}
	_, inChild, err := Child(t, soon, "GATE_TEST_TURN_BACK=1")
	if inChild {
		t.Fatal("cannot be")
	}
	if err == nil || !strings.Contains(err.Error(), "without reaching") {
		t.Fatalf("got %v", err)
	}
}

// A skip in a child is the parent's skip, logged once, and it can be forbidden.
func TestChildSkips(t *testing.T) {
	if slices.Contains(strings.Split(os.Getenv(childEnv), "\n"), t.Name()) {
		Child(t, soon)
		t.Run("sub", func(t *testing.T) { Skip(t, Hugetlb, "sub reason") })
		Skip(t, Mseal, "own reason")
	}
	plainEnvironment(t)
	log := filepath.Join(t.TempDir(), "skips")
	t.Setenv(logEnv, log)
	run := func(tb testing.TB) {
		tb.(*fakeTB).name = t.Name()
		if _, _, err := Child(tb, soon); err != nil {
			tb.Fatal(err)
		}
	}
	f := try(t, run)
	if f.failed != "" || f.skipped != "mseal: own reason" {
		t.Errorf("failed %q, skipped %q", f.failed, f.skipped)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"testgate.TestChildSkips\town reason\n", "testgate.TestChildSkips/sub\tsub reason\n"} {
		if strings.Count(string(text), want) != 1 {
			t.Errorf("the log has not one line with %q:\n%s", want, text)
		}
	}
	t.Setenv(forbidEnv, "mseal")
	if f := try(t, run); !strings.Contains(f.failed, `"mseal" is forbidden`) {
		t.Errorf("failed %q, skipped %q", f.failed, f.skipped)
	}
}

func TestChildLooksAfterItsArguments(t *testing.T) {
	plainEnvironment(t)
	for _, scale := range []string{"0", "0.5", "NaN", "-1", "x", "1e9"} {
		t.Setenv(scaleEnv, scale)
		if f := try(t, func(tb testing.TB) { Child(tb, soon) }); !strings.Contains(f.failed, scaleEnv) {
			t.Errorf("scale %q: failed %q", scale, f.failed)
		}
	}
	t.Setenv(scaleEnv, "2.5")
	if got := Stretch(t, time.Second); got != 2500*time.Millisecond {
		t.Errorf("Stretch gave %v", got)
	}
	if got, err := limit(&fakeTB{}, time.Second); err != nil || got != 2500*time.Millisecond {
		t.Errorf("limit gave %v, %v", got, err)
	}
	if f := try(t, func(tb testing.TB) { Child(tb, 0) }); !strings.Contains(f.failed, "no time is left") {
		t.Errorf("failed %q", f.failed)
	}
}

func TestTrimVerdict(t *testing.T) {
	for in, want := range map[string]string{
		"":                   "",
		"PASS\n":             "",
		"word\nPASS\n":       "word\n",
		"no newlinePASS\n":   "no newlinePASS\n",
		"PASS\nword\nPASS\n": "PASS\nword\n",
		"FAIL\n":             "FAIL\n",
		"a\nPASS\ncoverage: 12.5% of statements\n": "a\n",
	} {
		if got := trimVerdict(in); got != want {
			t.Errorf("trimVerdict(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTailKeepsBothEnds(t *testing.T) {
	var b tail
	fmt.Fprint(&b, "first")
	block := strings.Repeat("x", 100_000)
	for range 100 {
		fmt.Fprint(&b, block)
	}
	fmt.Fprint(&b, "last")
	got := b.String()
	if !strings.HasPrefix(got, "firstx") || !strings.HasSuffix(got, "xlast") || !strings.Contains(got, "bytes left out") {
		t.Errorf("%d bytes do not hold both ends", len(got))
	}
	if len(got) > 4*keep {
		t.Errorf("%d bytes were kept", len(got))
	}
	if dropped := 10_000_009 - len(got); dropped < 0 || b.lost < dropped {
		t.Errorf("says %d bytes are left out, %d are", b.lost, dropped)
	}
}
