package testgate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// fakeTB records what the gate does to a test.
type fakeTB struct {
	testing.TB        // only for its unexported method and TempDir
	name       string // what Name returns
	skipped    string
	failed     string
}

func (f *fakeTB) Helper()      {}
func (f *fakeTB) Name() string { return f.name }
func (f *fakeTB) Fatal(args ...any) {
	f.failed = fmt.Sprint(args...)
	runtime.Goexit()
}
func (f *fakeTB) Fatalf(format string, args ...any) { f.Fatal(fmt.Sprintf(format, args...)) }
func (f *fakeTB) Skipf(format string, args ...any) {
	f.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// try runs body on a fake test and returns what became of it.
func try(t *testing.T, body func(testing.TB)) *fakeTB {
	t.Helper()
	f := &fakeTB{TB: t, name: "TestFake"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(f)
	}()
	<-done
	return f
}

// plainEnvironment takes away what the gate listens to, so that its own tests
// say the same wherever they run.
func plainEnvironment(t *testing.T) {
	t.Helper()
	for _, key := range []string{forbidEnv, logEnv, reportEnv, childEnv, scaleEnv} {
		t.Setenv(key, "")
	}
}

func TestSkipSkips(t *testing.T) {
	plainEnvironment(t)
	f := try(t, func(tb testing.TB) { Skip(tb, Pkey, "no free key") })
	if f.failed != "" || f.skipped != "pkey: no free key" {
		t.Errorf("failed %q, skipped %q", f.failed, f.skipped)
	}
}

func TestSkipForbidden(t *testing.T) {
	plainEnvironment(t)
	for _, list := range []string{"pkey", "all", "hugetlb, pkey", "all,-hugetlb", "all,-pkey,pkey"} {
		t.Setenv(forbidEnv, list)
		f := try(t, func(tb testing.TB) { Skip(tb, Pkey, "no free key") })
		if f.skipped != "" || !strings.Contains(f.failed, `the skip "pkey" is forbidden`) ||
			!strings.Contains(f.failed, "no free key") || !strings.Contains(f.failed, Pkey.Needs()) {
			t.Errorf("%s: failed %q, skipped %q", list, f.failed, f.skipped)
		}
	}
	for _, list := range []string{"", ",", "hugetlb", "all,-pkey", "all,-pkey,-hugetlb"} {
		t.Setenv(forbidEnv, list)
		f := try(t, func(tb testing.TB) { Skip(tb, Pkey, "no free key") })
		if f.failed != "" || f.skipped == "" {
			t.Errorf("%s: failed %q, skipped %q", list, f.failed, f.skipped)
		}
	}
}

func TestUnknownNamesFail(t *testing.T) {
	plainEnvironment(t)
	for _, body := range []func(testing.TB){
		func(tb testing.TB) { Skip(tb, "pkeys", "x") },
		func(tb testing.TB) { Skip(tb, "", "x") },
		func(tb testing.TB) { Need(tb, "pkeys", nil) },
		func(tb testing.TB) { Need(tb, "pkeys", errors.ErrUnsupported) },
	} {
		if f := try(t, body); f.skipped != "" || !strings.Contains(f.failed, "there is no skip named") {
			t.Errorf("failed %q, skipped %q", f.failed, f.skipped)
		}
	}
	// A name in the environment that does not exist forbids nothing, so it must
	// not pass in silence.
	for _, list := range []string{"pkeys", "all,-pkeys", "ALL"} {
		t.Setenv(forbidEnv, list)
		f := try(t, func(tb testing.TB) { Skip(tb, Hugetlb, "x") })
		if f.skipped != "" || !strings.Contains(f.failed, forbidEnv) {
			t.Errorf("%s: failed %q, skipped %q", list, f.failed, f.skipped)
		}
	}
}

func TestNeed(t *testing.T) {
	plainEnvironment(t)
	unsupported := fmt.Errorf("PAGEMAP_SCAN: %w", errors.ErrUnsupported)
	refused := fmt.Errorf("open: %w", fs.ErrPermission)
	for _, tc := range []struct {
		name    Name
		err     error
		skipped bool
		failed  bool
	}{
		{PagemapScan, nil, false, false},
		{PagemapScan, unsupported, true, false},
		{PagemapScan, refused, false, true},
		{PagemapScan, errors.New("strange"), false, true},
		{Userfaultfd, unsupported, true, false},
		{Userfaultfd, refused, true, false},
		{Userfaultfd, errors.New("strange"), false, true},
	} {
		went := false
		f := try(t, func(tb testing.TB) { Need(tb, tc.name, tc.err); went = true })
		if (f.skipped != "") != tc.skipped || (f.failed != "") != tc.failed || went != (tc.err == nil) {
			t.Errorf("%s with %v: skipped %q, failed %q, went on %v", tc.name, tc.err, f.skipped, f.failed, went)
		}
	}
	t.Setenv(forbidEnv, string(PagemapScan))
	if f := try(t, func(tb testing.TB) { Need(tb, PagemapScan, unsupported) }); f.failed == "" {
		t.Error("a forbidden skip went through Need")
	}
}

func TestNeedRootAndUser(t *testing.T) {
	plainEnvironment(t)
	root, user := try(t, NeedRoot), try(t, NeedUser)
	isRoot := os.Geteuid() == 0
	if (root.skipped == "") != isRoot || (user.skipped == "") == isRoot || root.failed != "" || user.failed != "" {
		t.Errorf("as user %d: root %+v, user %+v", os.Geteuid(), root, user)
	}
}

func TestNeedLong(t *testing.T) {
	plainEnvironment(t)
	f := try(t, func(tb testing.TB) { NeedLong(tb, "10,000 slots") })
	if f.failed != "" || (f.skipped != "") != testing.Short() {
		t.Errorf("short %v: %+v", testing.Short(), f)
	}
}

func TestSkipLog(t *testing.T) {
	plainEnvironment(t)
	log := filepath.Join(t.TempDir(), "skips")
	t.Setenv(logEnv, log)
	const n = 50
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			f := &fakeTB{TB: t, name: "TestFake/sub"}
			done := make(chan struct{})
			go func() { defer close(done); Skip(f, Hugetlb, "none\treserved:\nnr_hugepages is 0") }()
			<-done
			if f.skipped == "" {
				t.Errorf("not skipped: %q", f.failed)
			}
		})
	}
	all.Wait()
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^hugetlb\t[^\t]*testgate\.TestFake/sub\tnone reserved: nr_hugepages is 0$`)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for _, l := range lines {
		if !line.MatchString(l) {
			t.Errorf("line %q does not match %s", l, line)
		}
	}
	if len(lines) != n {
		t.Errorf("%d lines, want %d", len(lines), n)
	}

	// A forbidden skip is a failure, not a skip: it leaves no line.
	t.Setenv(forbidEnv, "all")
	try(t, func(tb testing.TB) { Skip(tb, Hugetlb, "x") })
	if after, err := os.ReadFile(log); err != nil || string(after) != string(text) {
		t.Errorf("a forbidden skip changed the log (%v)", err)
	}
}

func TestSkipLogThatCannotBeWritten(t *testing.T) {
	plainEnvironment(t)
	for _, log := range []string{"relative", filepath.Join(t.TempDir(), "no", "such", "folder")} {
		t.Setenv(logEnv, log)
		f := try(t, func(tb testing.TB) { Skip(tb, Hugetlb, "x") })
		if f.skipped != "" || !strings.Contains(f.failed, "could not be logged") {
			t.Errorf("%s: failed %q, skipped %q", log, f.failed, f.skipped)
		}
	}
}

func TestTable(t *testing.T) {
	form := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	seen := map[Name]bool{}
	for _, n := range Names() {
		if !form.MatchString(string(n)) || n == "all" || seen[n] {
			t.Errorf("the name %q is malformed or there twice", n)
		}
		seen[n] = true
		if n.Needs() == "" || strings.HasSuffix(n.Needs(), ".") {
			t.Errorf("%s: Needs is %q, want part of a sentence", n, n.Needs())
		}
	}
	if Name("pkeys").Needs() != "" {
		t.Error("an unknown name needs something")
	}
}

// Names of other modules are skips like any other, also of what was refused.
func TestOwnNames(t *testing.T) {
	plainEnvironment(t)
	const name Name = "x-io-uring"
	for _, err := range []error{errors.ErrUnsupported, fs.ErrPermission} {
		if f := try(t, func(tb testing.TB) { Need(tb, name, err) }); f.failed != "" || !strings.HasPrefix(f.skipped, "x-io-uring: ") {
			t.Errorf("%v: failed %q, skipped %q", err, f.failed, f.skipped)
		}
	}
	for list, want := range map[string]bool{"x-io-uring": true, "all": true, "all,-x-io-uring": false, "x-other": false} {
		t.Setenv(forbidEnv, list)
		if f := try(t, func(tb testing.TB) { Skip(tb, name, "no ring") }); (f.failed != "") != want {
			t.Errorf("%s: failed %q, skipped %q", list, f.failed, f.skipped)
		}
	}
	t.Setenv(forbidEnv, "")
	for _, wrong := range []Name{"x-", "x", "x-Ring", "x-a,b", "x-a b", "x-a\n", "x--a", "netlink"} {
		if f := try(t, func(tb testing.TB) { Skip(tb, wrong, "") }); f.skipped != "" || !strings.Contains(f.failed, "there is no skip named") {
			t.Errorf("%q: failed %q, skipped %q", wrong, f.failed, f.skipped)
		}
	}
}
