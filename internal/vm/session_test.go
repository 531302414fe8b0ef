package vm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// speaker numbers frames as a machine does.
type speaker struct {
	t    *testing.T
	last int
	said [][]byte
}

func (s *speaker) say(job int, kind wire.Kind, payload any) {
	s.t.Helper()
	text, ok := payload.(string)
	if !ok {
		b, err := json.Marshal(payload)
		if err != nil {
			s.t.Fatal(err)
		}
		text = string(b)
	}
	s.last++
	s.said = append(s.said, wire.Frame{Number: s.last, Job: job, Kind: kind, Payload: []byte(text)}.Encode("psword"))
}

// tell gives the session all that was said.
func (s *speaker) tell(to *session) error {
	for _, line := range bytes.Split(bytes.Join(s.said, nil), []byte("\n")) {
		if err := to.line(line); err != nil {
			return err
		}
	}
	return nil
}

// ordinary is a machine that runs every job with a file that comes back.
func ordinary(t *testing.T, jobs int) *speaker {
	s := &speaker{t: t}
	s.say(wire.NoJob, wire.KindHello, wire.Hello{Kernel: "Linux", PageSize: 65536})
	for i := range jobs {
		s.say(i, wire.KindStart, "")
		s.say(i, wire.KindOut, "out\n")
		s.say(i, wire.KindErr, "err\n")
		s.say(i, wire.KindOut, "more\n")
		s.say(i, wire.KindFile, wire.File{Back: 0, Size: 6, Mode: 0o644})
		s.say(i, wire.KindData, "abc")
		s.say(i, wire.KindData, "def")
		s.say(i, wire.KindExit, wire.Exit{Code: i, Took: time.Second})
	}
	s.say(wire.NoJob, wire.KindBye, "")
	return s
}

func someJobs(t *testing.T, n int) (jobs []Job, out, errs *bytes.Buffer) {
	out, errs = new(bytes.Buffer), new(bytes.Buffer)
	dir := t.TempDir()
	for i := range n {
		back := File{Host: filepath.Join(dir, fmt.Sprint(i)), Guest: "/back/file"}
		jobs = append(jobs, Job{Name: fmt.Sprint("job", i), Back: []File{back}, Stdout: out, Stderr: errs})
	}
	return jobs, out, errs
}

func TestSession(t *testing.T) {
	jobs, out, errs := someJobs(t, 2)
	s := newSession("psword", jobs)
	if err := ordinary(t, 2).tell(s); err != nil {
		t.Fatal(err)
	}
	if !s.done() || len(s.results) != 2 || s.results[1] != (Result{Code: 1, Took: time.Second}) {
		t.Errorf("results %+v", s.results)
	}
	if out.String() != "out\nmore\nout\nmore\n" || errs.String() != "err\nerr\n" {
		t.Errorf("output %q, %q", out, errs)
	}
	for _, j := range jobs {
		if text, err := os.ReadFile(j.Back[0].Host); string(text) != "abcdef" {
			t.Errorf("came back: %q, %v", text, err)
		}
	}
	if s.hello.PageSize != 65536 || s.console.String() != "" {
		t.Errorf("hello %+v, console %q", s.hello, s.console.String())
	}
}

// No frame can be left out, said twice or come at another time: there is an
// error, or the session is never done.
func TestSessionMissesNothing(t *testing.T) {
	whole := ordinary(t, 2)
	for i := range whole.said {
		jobs, _, _ := someJobs(t, 2)
		cut := &speaker{t: t, said: append(append([][]byte{}, whole.said[:i]...), whole.said[i+1:]...)}
		s := newSession("psword", jobs)
		if err := cut.tell(s); err == nil && s.done() {
			t.Errorf("frame %d is lost and nobody minds", i+1)
		}
		if i < 7 && len(s.results) > 0 {
			t.Errorf("frame %d is lost and job 0 has a result", i+1)
		}
		ended := &speaker{t: t, said: whole.said[:i]}
		s = newSession("psword", jobs)
		if err := ended.tell(s); err != nil || s.done() {
			t.Errorf("the console ends before frame %d: %v", i+1, err)
		}
	}
}

// Frames that are numbered well but say what cannot be are no pass either.
func TestSessionRefuses(t *testing.T) {
	exit, hello, start := wire.Exit{}, wire.Hello{}, ""
	type said struct {
		job     int
		kind    wire.Kind
		payload any
	}
	begun := []said{{-1, wire.KindHello, hello}, {0, wire.KindStart, start}}
	file := func(f wire.File) []said { return append(begun[:2:2], said{0, wire.KindFile, f}) }
	for want, frames := range map[string][]said{
		"init cannot go on: mount proc":       {{-1, wire.KindFail, "mount proc"}},
		"comes before the first":              {{0, wire.KindStart, start}},
		"frame 2 (hello) makes no sense":      {{-1, wire.KindHello, hello}, {-1, wire.KindHello, hello}},
		"frame 1 (hello) makes no sense: i":   {{-1, wire.KindHello, "no JSON"}},
		"job job0 has no exit status":         {{-1, wire.KindHello, hello}, {-1, wire.KindBye, ""}},
		"(exit) makes no sense: it comes":     {{-1, wire.KindHello, hello}, {0, wire.KindExit, exit}},
		"(exit) makes no sense: it belongs":   {begun[0], begun[1], {0, wire.KindExit, exit}, {0, wire.KindExit, exit}},
		"(start) makes no sense: it belongs":  {{-1, wire.KindHello, hello}, {1, wire.KindStart, start}},
		"(start) makes no sense: it comes":    {begun[0], begun[1], begun[1]},
		"(out) makes no sense: it comes at":   {{-1, wire.KindHello, hello}, {0, wire.KindOut, "x"}},
		"nobody knows its kind":               {begun[0], {0, "gossip", ""}},
		"(hello) makes no sense: it belongs":  {{0, wire.KindHello, hello}},
		"frame 3 (exit) makes no sense: une":  append(begun[:2:2], said{0, wire.KindExit, "{"}),
		"nobody asked for: number 1":          file(wire.File{Back: 1}),
		"leads elsewhere: \"../x\"":           file(wire.File{Path: "../x"}),
		"a piece of no file":                  append(begun[:2:2], said{0, wire.KindData, "x"}),
		"0 of 4 bytes of /back/file":          append(file(wire.File{Size: 4}), said{0, wire.KindExit, exit}),
		"0 of 4 bytes of /back/file came bac": append(file(wire.File{Size: 4}), said{0, wire.KindFile, wire.File{}}),
		"5 of 4 bytes of /back/file":          append(file(wire.File{Size: 4}), said{0, wire.KindData, "12345"}, said{0, wire.KindExit, exit}),
	} {
		jobs, _, _ := someJobs(t, 1)
		sp := &speaker{t: t}
		for _, f := range frames {
			sp.say(f.job, f.kind, f.payload)
		}
		s := newSession("psword", jobs)
		if err := sp.tell(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		if _, err := os.Stat(jobs[0].Back[0].Host); err == nil {
			t.Errorf("%s: a file was written all the same", want)
		}
	}
}

func TestSessionAfterBye(t *testing.T) {
	sp := ordinary(t, 0)
	sp.say(wire.NoJob, wire.KindBye, "")
	if err := sp.tell(newSession("psword", nil)); err == nil || !strings.Contains(err.Error(), "after the last") {
		t.Errorf("got %v", err)
	}
}

func TestSessionPanic(t *testing.T) {
	for name, test := range map[string]struct {
		lines []string
		at    string
		over  bool
	}{
		"begun":      {[]string{"[  1.5] Kernel panic - not syncing: Oops!", "Call Trace:"}, "Kernel panic - not syncing: Oops!", false},
		"with an en": {[]string{"Kernel panic - not syncing: A", "---[ end Kernel panic - not syncing: A ]---"}, "Kernel panic - not syncing: A", true},
		"restarting": {[]string{"Kernel panic - not syncing: A", "[ 2.0] Rebooting in 1 seconds.."}, "Kernel panic - not syncing: A", true},
		"end alone":  {[]string{"---[ end Kernel panic - not syncing: A ]---"}, "---[ end Kernel panic - not syncing: A ]---", true},
		"no panic":   {[]string{"Rebooting in 1 seconds.."}, "", false},
	} {
		s := newSession("psword", nil)
		for _, line := range test.lines {
			if err := s.line([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if s.panicAt != test.at || s.panicOver != test.over {
			t.Errorf("%s: at %q, over %v", name, s.panicAt, s.panicOver)
		}
	}
}

func TestSessionNobodyListens(t *testing.T) {
	boom := errors.New("boom")
	jobs, _, _ := someJobs(t, 1)
	jobs[0].Stdout = brokenWriter{boom}
	err := ordinary(t, 1).tell(newSession("psword", jobs))
	if !errors.Is(err, boom) || !strings.Contains(err.Error(), "standard output of job job0") {
		t.Errorf("got %v", err)
	}
}

// Folders come back with what is in them, and a log is added to.
func TestBackFiles(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	if err := os.WriteFile(log, []byte("before\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	b := &backFiles{back: []File{{Host: filepath.Join(dir, "cover"), Guest: "/back/0/cover", Folder: true}, {Host: log, Guest: "/back/1/log", Append: true}}}
	for _, f := range []struct {
		wire.File
		text string
	}{
		{wire.File{Dir: true}, ""},
		{wire.File{Path: "sub", Dir: true}, ""},
		{wire.File{Path: "sub/a", Size: 3, Mode: 0o755}, "abc"},
		{wire.File{Path: "empty"}, ""},
		{wire.File{Back: 1, Size: 6}, "after\n"},
	} {
		if err := b.begin(f.File); err != nil {
			t.Fatal(err)
		}
		if f.text != "" {
			if err := b.data([]byte(f.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := b.deliver(); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{"cover/sub/a": "abc", "cover/empty": "", "log": "before\nafter\n"} {
		if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(text) != want {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
}
