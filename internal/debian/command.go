package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// helper is apt's program that downloads one file with apt's settings.
const helper = "/usr/lib/apt/apt-helper"

// grace is how long a child may take to end once it is told to.
const grace = 3 * time.Second

// tool finds a program, or says which package has it.
func tool(name string) (string, error) {
	p, err := exec.LookPath(name)
	if err != nil {
		in := "apt"
		if strings.HasPrefix(name, "dpkg") {
			in = "dpkg"
		}
		return "", fmt.Errorf("%s is missing: the package %s has it (%w)", name, in, exec.ErrNotFound)
	}
	return p, nil
}

// run runs a program to its end and returns what it printed.
func run(ctx context.Context, env []string, name string, args ...string) (out []byte, err error) {
	err = stream(ctx, env, func(r io.Reader) (err error) {
		out, err = io.ReadAll(r)
		return err
	}, name, args...)
	return out, err
}

// stream runs a program and lets read have its output. What read does not take is
// thrown away. When ctx ends, the program and its children are told to end.
func stream(ctx context.Context, env []string, read func(io.Reader) error, name string, args ...string) error {
	file, err := tool(name)
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	c := exec.CommandContext(inner, file, args...)
	c.Env = append(os.Environ(), "LC_ALL=C", "LANGUAGE=C")
	c.Env = append(c.Env, env...)
	c.WaitDelay = grace
	var errs bytes.Buffer
	c.Stderr = &errs
	finish := group(c)
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	// The kernel ends the child when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := c.Start(); err != nil {
		return err
	}
	defer finish()
	readErr := read(out)
	if readErr != nil {
		cancel()
	} else if _, err := io.Copy(io.Discard, out); err != nil {
		readErr = err
	}
	err = c.Wait()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case readErr != nil && (err == nil || inner.Err() != nil):
		return readErr
	case err != nil:
		return complaint(name, errs.String(), err)
	}
	return nil
}

// complaint makes one line of what a program printed to standard error.
func complaint(name, text string, err error) error {
	line := essence(text)
	if line == "" {
		return fmt.Errorf("%s: %w", name, err)
	}
	var cause error
	switch {
	case strings.Contains(text, errFull.Error()), strings.Contains(text, "No space left on device"):
		cause = errFull
	case strings.Contains(line, "Hash Sum mismatch"):
		cause = ErrHash
	case strings.Contains(line, "404 Not Found"), strings.Contains(line, "410 Gone"):
		cause = ErrGone
	default:
		return errors.New(line)
	}
	return fmt.Errorf("%w (%s)", cause, line)
}

// essence is the line of apt's or dpkg's messages that says what is wrong: the
// first error that is more than a summary, else the first warning, else the last
// line.
func essence(text string) string {
	var first, warning, last string
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		e, isError := strings.CutPrefix(line, "E: ")
		w, isWarning := strings.CutPrefix(line, "W: ")
		switch {
		case line == "":
		case isError && (first == "" || isSummary(first)):
			first = e
		case isWarning && warning == "" && !strings.HasPrefix(w, "Download is performed unsandboxed"):
			warning = w
		case !isError && !isWarning:
			last = line
		}
	}
	for _, s := range []string{first, warning, last} {
		if s != "" {
			return s
		}
	}
	return ""
}

func isSummary(line string) bool {
	return line == "Download Failed" || strings.HasPrefix(line, "Some index files failed")
}
