package testgate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The environment of a child.
const (
	// childEnv holds the names of the tests that the process is a child of,
	// the newest last, one a line: a test's name never holds a newline.
	childEnv = "PAGESLOT_TEST_CHILD"
	// reportEnv names the file through which a child tells its parent what its
	// exit status cannot: that the test was reached, and what was skipped.
	reportEnv = "PAGESLOT_TEST_CHILD_REPORT"
	// scaleEnv stretches deadlines.
	scaleEnv = "PAGESLOT_TIME_SCALE"
)

const (
	reportReached = "reached"
	reportSkip    = "skip"
)

// grace is how long a child may take to print its stacks once it is told to.
const grace = 3 * time.Second

// ChildError says how a child failed.
type ChildError struct {
	Test     string           // the test's name
	State    *os.ProcessState // how it ended; nil if it could not be started
	Deadline time.Duration    // what it ran past, if that is why it was killed; else 0
	Output   string           // what it printed, stacks included
	Err      error            // from os/exec, or what else was wrong
}

// Error has the reason first and the output after it.
func (e *ChildError) Error() string {
	why := e.Err.Error()
	if e.Deadline != 0 {
		why = fmt.Sprintf("killed after the deadline of %v (%s)", e.Deadline, why)
	}
	if e.Output == "" {
		return fmt.Sprintf("child of %s: %s; it printed nothing", e.Test, why)
	}
	return fmt.Sprintf("child of %s: %s; it printed:\n%s", e.Test, why, e.Output)
}

// Unwrap gives context.DeadlineExceeded for a child that ran past its deadline,
// and otherwise what os/exec said (often an *exec.ExitError).
func (e *ChildError) Unwrap() error {
	if e.Deadline != 0 {
		return context.DeadlineExceeded
	}
	return e.Err
}

// Child runs the test t again, alone, in a process of its own, and waits for
// it. In that process Child returns at once with inChild set; the test then does
// what is dangerous and returns. In the parent, out is what the child printed
// (standard output and error; the PASS line of the testing package is taken
// off), and err is nil if the child's test passed, a *ChildError otherwise.
//
// A child that runs past the deadline gets SIGQUIT, so that its stacks show in
// the output, and a few seconds later SIGKILL. Entries of env ("KEY=value") are
// added to the environment. Subtests may have children, and children may have
// children for subtests of their own. A test that was skipped in the child is
// skipped in the parent: Child does not return then.
func Child(t testing.TB, deadline time.Duration, env ...string) (out string, inChild bool, err error) {
	t.Helper()
	if _, ok := t.(*testing.B); ok {
		t.Fatal("testgate: a benchmark cannot have a child")
	}
	lineage := strings.FieldsFunc(os.Getenv(childEnv), func(r rune) bool { return r == '\n' })
	if slices.Contains(lineage, t.Name()) {
		if err := appendLine(os.Getenv(reportEnv), reportReached+"\t"+t.Name()); err != nil {
			t.Fatalf("testgate: the child cannot report: %v", err)
		}
		return "", true, nil
	}

	deadline, err = limit(t, deadline)
	if err != nil {
		t.Fatalf("testgate: %v", err)
	}
	report := filepath.Join(t.TempDir(), "report")
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, executable(), arguments(t.Name(), deadline)...)
	cmd.Env = append(os.Environ(),
		childEnv+"="+strings.Join(append(lineage, t.Name()), "\n"),
		reportEnv+"="+report)
	if os.Getenv("GOTRACEBACK") == "" {
		cmd.Env = append(cmd.Env, "GOTRACEBACK=all")
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Cancel = func() error { return askForStacks(cmd.Process) }
	cmd.WaitDelay = grace
	var printed tail
	cmd.Stdout, cmd.Stderr = &printed, &printed
	runErr := cmd.Run()

	out = trimVerdict(printed.String())
	failed := &ChildError{Test: t.Name(), State: cmd.ProcessState, Output: out, Err: runErr}
	if ctx.Err() != nil && runErr != nil {
		failed.Deadline = deadline
	}
	reached, skipped, err := readReport(t, report)
	switch {
	case err != nil:
		t.Fatalf("testgate: the report of the child of %s: %v", t.Name(), err)
	case runErr != nil:
		return out, false, failed
	case skipped.name != "":
		Skip(t, skipped.name, skipped.why)
	case !reached:
		failed.Err = errors.New("it ended without reaching the call of Child, so it tested nothing")
		return out, false, failed
	}
	return out, false, nil
}

// limit is the deadline, stretched by PAGESLOT_TIME_SCALE and cut so that it
// ends before the test's own: a child's stacks say more than the parent's.
func limit(t testing.TB, deadline time.Duration) (time.Duration, error) {
	scale, err := timeScale(os.Getenv(scaleEnv))
	if err != nil {
		return 0, err
	}
	deadline = time.Duration(float64(deadline) * scale)
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := d.Deadline(); ok {
			deadline = min(deadline, time.Until(end)-grace-time.Second)
		}
	}
	if deadline <= 0 {
		return 0, errors.New("no time is left for a child: the deadline has passed or is not positive")
	}
	return deadline, nil
}

// Stretch is d times PAGESLOT_TIME_SCALE, for the waits of tests that have no
// child.
func Stretch(t testing.TB, d time.Duration) time.Duration {
	t.Helper()
	scale, err := timeScale(os.Getenv(scaleEnv))
	if err != nil {
		t.Fatalf("testgate: %v", err)
	}
	return time.Duration(float64(d) * scale)
}

func timeScale(s string) (float64, error) {
	if s == "" {
		return 1, nil
	}
	scale, err := strconv.ParseFloat(s, 64)
	if err != nil || !(scale >= 1 && scale <= 10000) {
		return 0, fmt.Errorf("%s must be a number from 1 to 10000, is %q", scaleEnv, s)
	}
	return scale, nil
}

// start is where the process started: the path by which it was called may be
// relative, and a test may change folders.
var start, _ = os.Getwd()

func executable() string {
	self := os.Args[0]
	if filepath.Base(self) != self && !filepath.IsAbs(self) {
		self = filepath.Join(start, self)
	}
	return self
}

// arguments selects exactly one test. -test.v is not passed on: its lines would
// mix with what the child prints. The time limit of the testing package is only
// for a child whose parent was killed.
func arguments(test string, deadline time.Duration) []string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	args := []string{
		"-test.run=" + strings.Join(parts, "/"),
		"-test.count=1",
		"-test.paniconexit0",
		"-test.cpu=" + strconv.Itoa(runtime.GOMAXPROCS(0)),
		"-test.timeout=" + (deadline + 2*grace).String(),
	}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	return args
}

// trimVerdict takes off the lines with which a test binary ends.
func trimVerdict(out string) string {
	for {
		body := strings.TrimSuffix(out, "\n")
		last := body[strings.LastIndexByte(body, '\n')+1:]
		if last != "PASS" && !strings.HasPrefix(last, "coverage: ") {
			return out
		}
		out = strings.TrimSuffix(body, last)
	}
}

type skip struct {
	name Name
	why  string
}

// readReport returns what the child told. Skips of subtests are recorded here in
// its name; a skip of the test itself is returned.
func readReport(t testing.TB, path string) (reached bool, own skip, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, skip{}, nil // it died early
	}
	if err != nil {
		return false, skip{}, err
	}
	for line := range strings.Lines(string(text)) {
		field := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 4)
		switch {
		case field[0] == reportReached && len(field) == 2:
			reached = reached || field[1] == t.Name()
		case field[0] == reportSkip && len(field) == 4 && field[2] == t.Name():
			own = skip{Name(field[1]), field[3]}
		case field[0] == reportSkip && len(field) == 4:
			if err := record(field[2], Name(field[1]), field[3]); err != nil {
				return false, skip{}, err
			}
		default:
			return false, skip{}, fmt.Errorf("a line of it makes no sense: %q", line)
		}
	}
	return reached, own, nil
}

// tail keeps the beginning and the end of what is written to it, so that a child
// that prints without end does not fill the memory.
type tail struct {
	head, end bytes.Buffer
	lost      int
}

const keep = 1 << 20

// Write never fails.
func (b *tail) Write(p []byte) (int, error) {
	n := len(p)
	if room := keep - b.head.Len(); room > 0 {
		k := min(room, len(p))
		b.head.Write(p[:k])
		p = p[k:]
	}
	b.end.Write(p)
	if over := b.end.Len() - keep; over > keep { // not at every write: it moves bytes
		b.end.Next(over)
		b.lost += over
	}
	return n, nil
}

func (b *tail) String() string {
	if b.lost == 0 {
		return b.head.String() + b.end.String()
	}
	return fmt.Sprintf("%s\n... %d bytes left out ...\n%s", b.head.String(), b.lost, b.end.String())
}
