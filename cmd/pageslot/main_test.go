package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/bytesize"
)

// called is what a command line did.
type called struct {
	status         int
	stdout, stderr string
}

// call runs the real command in this process.
func call(args ...string) called {
	var out, errs bytes.Buffer
	status := realMain(args, &out, &errs)
	return called{status, out.String(), errs.String()}
}

// checkOneLine fails unless c is refused with the given status, one line on
// standard error that has all of words, and nothing on standard output.
func checkOneLine(t *testing.T, c called, status int, words ...string) {
	t.Helper()
	if c.status != status || c.stdout != "" {
		t.Errorf("status %d, want %d; printed %q", c.status, status, c.stdout)
	}
	if strings.Count(c.stderr, "\n") != 1 || !strings.HasSuffix(c.stderr, "\n") || !strings.HasPrefix(c.stderr, "pageslot") {
		t.Errorf("the error is not one line of pageslot's: %q", c.stderr)
	}
	for _, w := range words {
		if !strings.Contains(c.stderr, w) {
			t.Errorf("%q does not say %q", c.stderr, w)
		}
	}
}

// sample is a table with one command that has one flag of each kind.
func sample(name string) []command {
	return []command{{name, "does nothing", func(ctx context.Context, args []string, stdout, stderr io.Writer) int {
		flags := flag.NewFlagSet(name, flag.ContinueOnError)
		size := bytesize.Size(64 << 10)
		flags.Var(&size, "size", "how many `bytes`")
		fail := flags.Bool("fail", false, "fail")
		if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
			return status
		}
		if *fail {
			return failed(name, errors.New("as told"), stderr)
		}
		fmt.Fprintln(stdout, size)
		return exitOK
	}}}
}

func callSample(args ...string) called {
	var out, errs bytes.Buffer
	status := dispatch(context.Background(), sample("sample"), args, &out, &errs)
	return called{status, out.String(), errs.String()}
}

func TestDispatch(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want called
	}{
		{[]string{"sample"}, called{exitOK, "64KiB\n", ""}},
		{[]string{"sample", "-size", "4096"}, called{exitOK, "4KiB\n", ""}},
		{[]string{"sample", "--size=3MiB"}, called{exitOK, "3MiB\n", ""}},
		{[]string{"sample", "-fail"}, called{exitFailed, "", "pageslot sample: as told\n"}},
	} {
		if got := callSample(tc.args...); got != tc.want {
			t.Errorf("%q: %+v, want %+v", tc.args, got, tc.want)
		}
	}
}

func TestBadUsage(t *testing.T) {
	for _, tc := range []struct {
		args  []string
		words []string
	}{
		{[]string{"nothing"}, []string{`"nothing"`, "help"}},
		{[]string{"-size"}, []string{`"-size"`}},
		{[]string{""}, []string{`""`}},
		{[]string{"sample", "-nothing"}, []string{"pageslot sample:", "-nothing"}},
		{[]string{"sample", "-size"}, []string{"-size"}},
		{[]string{"sample", "-size", "64KB"}, []string{"-size", `"64KB"`, "not a unit"}},
		{[]string{"sample", "-size", "-1"}, []string{"-size", `"-1"`}},
		{[]string{"sample", "-size", "99EiB"}, []string{"64 bits"}},
		{[]string{"sample", "-fail=maybe"}, []string{"-fail", "maybe"}},
		{[]string{"sample", "extra"}, []string{`"extra"`, "not a flag"}},
		{[]string{"sample", "-size", "1MiB", "extra", "-fail"}, []string{`"extra"`}},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			checkOneLine(t, callSample(tc.args...), exitUsage, tc.words...)
		})
	}
}

func TestNoCommand(t *testing.T) {
	c := callSample()
	if c.status != exitUsage || c.stdout != "" || !strings.Contains(c.stderr, "sample  does nothing\n") {
		t.Errorf("%+v", c)
	}
}

func TestHelp(t *testing.T) {
	for _, word := range []string{"help", "-h", "-help", "--help"} {
		if c := callSample(word); c.status != exitOK || c.stderr != "" || !strings.Contains(c.stdout, "sample  does nothing\n") {
			t.Errorf("%s: %+v", word, c)
		}
	}
	c := callSample("sample", "-h")
	if c.status != exitOK || c.stderr != "" || !strings.HasPrefix(c.stdout, "usage: pageslot sample [flags]\n") ||
		!strings.Contains(c.stdout, "-size bytes") || !strings.Contains(c.stdout, "default 64KiB") {
		t.Errorf("%+v", c)
	}
}

// full is a device that is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestOutputThatIsLost(t *testing.T) {
	for _, args := range [][]string{{"sample"}, {"help"}, {"sample", "-h"}} {
		var errs bytes.Buffer
		status := dispatch(context.Background(), sample("sample"), args, full{}, &errs)
		checkOneLine(t, called{status: status, stderr: errs.String()}, exitFailed, "no space left")
	}
}

// Every command has help, refuses a flag that it does not have, and takes
// nothing but flags.
func TestEveryCommand(t *testing.T) {
	for _, c := range commands {
		t.Run(c.name, func(t *testing.T) {
			help := call(c.name, "-h")
			if help.status != exitOK || help.stderr != "" || !strings.HasPrefix(help.stdout, "usage: pageslot "+c.name) {
				t.Errorf("-h: %+v", help)
			}
			checkOneLine(t, call(c.name, "-no-such-flag"), exitUsage, "pageslot "+c.name, "no-such-flag")
			checkOneLine(t, call(c.name, "extra"), exitUsage, "pageslot "+c.name, `"extra"`)
			if !strings.Contains(call("help").stdout, "  "+c.name+" ") {
				t.Errorf("help does not list %s", c.name)
			}
		})
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := writeJSON(&b, map[string]any{"ok": true, "why": "<no>"}); err != nil {
		t.Fatal(err)
	}
	var back map[string]any
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back["why"] != "<no>" || !strings.Contains(b.String(), `"<no>"`) {
		t.Errorf("%s: %v", b.String(), err)
	}
}
