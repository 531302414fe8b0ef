package vm

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// One machine runs every kind of job that the machine survives.
func TestJobs(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	c.Sysctl = map[string]string{"vm.nr_hugepages": "3"}
	var info Info
	c.Booted = func(i Info) { info = i }
	dir := filepath.Join(t.TempDir(), "testdata")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "one"), []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	type printed struct{ out, err bytes.Buffer }
	var jobs []Job
	var texts []*printed
	add := func(act string, user int, change func(*Job)) int {
		p := new(printed)
		j := Job{Name: fmt.Sprint(act, "-", user), Program: program, Env: []string{actEnv + "=" + act, "GOTRACEBACK=all"}, User: user, Dir: "/there/pkg", Stdout: &p.out, Stderr: &p.err}
		if change != nil {
			change(&j)
		}
		jobs, texts = append(jobs, j), append(texts, p)
		return len(jobs) - 1
	}
	back := map[int]string{}
	for _, user := range []int{0, 65534} {
		host := filepath.Join(t.TempDir(), "back")
		i := add("report", user, func(j *Job) {
			j.Args = []string{"a b", "", "c"}
			j.Env = append(j.Env, "EXTRA=x y", "VM_TEST_BACK=/back/file")
			j.Files = []File{{Host: dir, Guest: "/there/pkg/testdata"}}
			j.Back = []File{{Host: host, Guest: "/back/file"}, {Host: host + "-none", Guest: "/back/none"}}
		})
		back[i] = host
	}
	code := add("code", 0, nil)
	flood := add("flood", 65534, nil)
	signal := add("signal", 0, nil)
	hang := add("hang", 65534, func(j *Job) { j.Limit = 4 * time.Second })
	deaf := add("deaf", 0, func(j *Job) { j.Limit = 3 * time.Second })
	leave := add("leave", 0, nil)
	look := add("look", 65534, nil)
	console := add("console", 0, nil)
	narrow := -1
	if runtime.GOARCH == "amd64" {
		narrow = add("report", 65534, func(j *Job) {
			j.Program = testProgram(t, "386")
			j.Env = append(j.Env, "VM_TEST_BACK=/tmp/file")
		})
	}

	results, err := Run(during(t), c, jobs, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	for i, user := range []int{0, 65534} {
		want := fmt.Sprintf("dir /there/pkg <nil>\nargs [\"a b\" \"\" \"c\"]\nids %d %d [] <nil>\n", user, user) +
			"env HOME=/tmp\nenv TMPDIR=/tmp\nenv PATH=/\nenv PAGESLOT_TIME_SCALE=2\nenv EXTRA=x y\n" +
			"file \"content\" <nil>\nown file <nil>\nscratch <nil> <nil>\nsysctl 3 <nil>\nloopback <nil>\nyear true\nnull <nil> port " + runtime.GOARCH + "\n"
		if got := texts[i].out.String(); got != want || texts[i].err.String() != "to stderr\n" || !results[i].Passed() {
			t.Errorf("%s: %+v\n%s\nwant\n%s\nstderr %q", jobs[i].Name, results[i], got, want, texts[i].err.String())
		}
		if text, err := os.ReadFile(back[i]); err != nil || string(text) != "it came back\n" {
			t.Errorf("%s: came back %q, %v", jobs[i].Name, text, err)
		}
		if _, err := os.Stat(back[i] + "-none"); !os.IsNotExist(err) {
			t.Errorf("a file that is nowhere came back: %v", err)
		}
	}
	if r := results[code]; r.Code != 3 || r.Passed() || r.Signal != "" {
		t.Errorf("exit code: %+v", r)
	}
	var out, errs strings.Builder
	for i := range floodLines {
		out.WriteString(floodLine(i))
		if i%8 == 0 {
			errs.WriteString(floodLine(i))
		}
	}
	if texts[flood].out.String() != out.String() || texts[flood].err.String() != errs.String() || !results[flood].Passed() {
		t.Errorf("of %d and %d bytes came %d and %d, or others; %+v", out.Len(), errs.Len(), texts[flood].out.Len(), texts[flood].err.Len(), results[flood])
	}
	if r := results[signal]; r.Signal != "terminated" || r.Code != -1 || r.Passed() || r.TimedOut {
		t.Errorf("signal: %+v", r)
	}
	if r := results[hang]; !r.TimedOut || r.Passed() || r.Took < 8*time.Second {
		t.Errorf("hang: %+v", r)
	}
	if text := texts[hang].err.String(); !strings.Contains(text, "vm.hangHere") || texts[hang].out.String() != "about to hang\n" {
		t.Errorf("the stacks of the job that hung: %q, %s", texts[hang].out.String(), text)
	}
	if r := results[deaf]; !r.TimedOut || r.Signal != "killed" || r.Passed() {
		t.Errorf("deaf: %+v", r)
	}
	if text := texts[leave].out.String(); !results[leave].Passed() || text != "left true\nasleep\n" && text != "asleep\nleft true\n" {
		t.Errorf("leave: %+v, %q", results[leave], text)
	}
	if text := texts[look].out.String(); text != "looked\n" {
		t.Errorf("a job sees another: %s", text)
	}
	if !results[console].Passed() {
		t.Errorf("a job that writes to the console: %+v", results[console])
	}
	if narrow >= 0 {
		if text := texts[narrow].out.String(); !results[narrow].Passed() || !strings.Contains(text, "port 386\n") {
			t.Errorf("32 bits: %+v, %s", results[narrow], text)
		}
	}
	if info.PageSize == 0 || info.CPUs != 2 || info.Memory < 200<<20 || !strings.HasPrefix(info.Kernel, "Linux ") || info.Boot <= 0 || info.KVM {
		t.Errorf("the machine says of itself %+v", info)
	}
	t.Logf("booted in %v: %+v", info.Boot, info)
}

// A kernel that gives up is a failure that shows why, and soon.
func TestPanic(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	results, err := Run(during(t), c, []Job{
		{Name: "before", Program: program, Env: []string{actEnv + "=code"}},
		{Name: "fatal", Program: program, Env: []string{actEnv + "=panic"}},
		{Name: "after", Program: program, Env: []string{actEnv + "=code"}},
	}, nil)
	e := failed(t, err, "kernel panic: Kernel panic - not syncing: sysrq triggered crash")
	if len(results) != 1 || results[0].Code != 3 {
		t.Errorf("results %+v", results)
	}
	if !strings.Contains(e.Console, "Call Trace") && !strings.Contains(e.Console, "Call trace") && !strings.Contains(e.Console, "Rebooting in") {
		t.Errorf("the kernel's trace is missing: %s", e.Console)
	}
}
