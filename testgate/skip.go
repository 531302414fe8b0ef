package testgate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
)

// The environment of the gate.
const (
	forbidEnv = "PAGESLOT_FORBID_SKIPS"
	logEnv    = "PAGESLOT_SKIP_LOG"
)

// Skip skips t because it lacks what name stands for; why says how that showed.
// It fails t instead if the environment forbids the name, if the name is not
// one of the constants, or if the skip cannot be logged.
func Skip(t testing.TB, name Name, why string) {
	t.Helper()
	e, ok := lookup(name)
	if !ok {
		t.Fatalf("testgate: there is no skip named %q (%s)", name, why)
	}
	not, err := forbidden(os.Getenv(forbidEnv), name)
	if err != nil {
		t.Fatalf("testgate: %s: %v", forbidEnv, err)
	}
	if not {
		t.Fatalf("testgate: the skip %q is forbidden here by %s; the test needs %s; it would have been skipped because: %s",
			name, forbidEnv, e.needs, why)
	}
	if err := record(t.Name(), name, why); err != nil {
		t.Fatalf("testgate: the skip %q (%s) could not be logged: %v", name, why, err)
	}
	t.Skipf("%s: %s", name, why)
}

// Need lets t go on if err is nil. It skips t if err says that what name stands
// for is unsupported (errors.ErrUnsupported) or, for the names of which being
// refused is a reason, refused (fs.ErrPermission). Any other error fails t: it
// says nothing about whether the machine has it.
func Need(t testing.TB, name Name, err error) {
	t.Helper()
	e, ok := lookup(name)
	switch {
	case !ok:
		t.Fatalf("testgate: there is no skip named %q (%v)", name, err)
	case err == nil:
	case errors.Is(err, errors.ErrUnsupported), e.refused && errors.Is(err, fs.ErrPermission):
		Skip(t, name, err.Error())
	default:
		t.Fatalf("%s: %v", name, err)
	}
}

// NeedRoot skips t unless root runs it.
func NeedRoot(t testing.TB) {
	t.Helper()
	if uid := os.Geteuid(); uid != 0 {
		Skip(t, Root, fmt.Sprintf("runs as user %d", uid))
	}
}

// NeedUser skips t if root runs it.
func NeedUser(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		Skip(t, User, "runs as root")
	}
}

// NeedLong skips t under -short; why says what takes the time.
func NeedLong(t testing.TB, why string) {
	t.Helper()
	if testing.Short() {
		Skip(t, Long, why)
	}
}

// forbidden reports whether list, the value of PAGESLOT_FORBID_SKIPS, forbids
// name. The last entry that speaks of the name decides.
func forbidden(list string, name Name) (bool, error) {
	not := false
	for item := range strings.SplitSeq(list, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		if item == "all" {
			not = true
			continue
		}
		named, allow := strings.CutPrefix(item, "-")
		if _, ok := lookup(Name(named)); !ok {
			return false, fmt.Errorf("there is no skip named %q", named)
		}
		if Name(named) == name {
			not = !allow
		}
	}
	return not, nil
}

// record writes one line about a skip to the log, if there is one. In a child
// the line goes to the parent, which decides what it means.
func record(test string, name Name, why string) error {
	if report := os.Getenv(reportEnv); report != "" {
		return appendLine(report, fmt.Sprintf("%s\t%s\t%s\t%s", reportSkip, name, test, oneLine(why)))
	}
	log := os.Getenv(logEnv)
	if log == "" {
		return nil
	}
	if !filepath.IsAbs(log) {
		return fmt.Errorf("%s must be an absolute path, since every package's tests run in their own folder; it is %q", logEnv, log)
	}
	return appendLine(log, fmt.Sprintf("%s\t%s.%s\t%s", name, pkg(), test, oneLine(why)))
}

// appendLine adds a line with a single write to a file opened for appending,
// so that lines of several processes do not mix.
func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

// oneLine keeps a reason within its field of a line.
func oneLine(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return slices.Contains([]rune{'\n', '\r', '\t'}, r)
	}), " ")
}

// pkg is the import path of the package under test.
func pkg() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Path != "" {
		return strings.TrimSuffix(info.Path, ".test")
	}
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), ".test")
}
