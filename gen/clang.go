package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// clangNames are what is looked for where -clang is not given. The newest
// comes first, and plain clang last: where several are installed it is often
// the oldest.
var clangNames = []string{"clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang"}

// clangDeadline is for one run of clang, which takes a tenth of a second.
const clangDeadline = 2 * time.Minute

// compiler is clang for one port and its headers.
type compiler struct {
	clang string
	port  port
	dirs  []string // include directories
}

// findClang returns the path of a clang. Whether it is new enough shows when
// it compiles for the ports: see compiler.check.
func findClang(name string) (string, error) {
	if name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("-clang: %w", err)
		}
		return path, nil
	}
	for _, n := range clangNames {
		if path, err := exec.LookPath(n); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no clang in PATH (looked for %s): install clang 16 or newer, or name one with -clang",
		strings.Join(clangNames, ", "))
}

// args are what every run for a port has. There is no C library: stddef.h is
// clang's own, all else is the kernel's.
func (c compiler) args() []string {
	args := []string{"--target=" + c.port.target, "-nostdlibinc", "-ffreestanding", "-std=gnu11", "-w", "-x", "c"}
	for _, d := range c.dirs {
		args = append(args, "-isystem", d)
	}
	return args
}

// run gives source to clang and returns what it wrote. The error holds clang's
// first message, placed at a header and a symbol where it names them.
func (c compiler) run(source string, args ...string) ([]byte, error) {
	out, messages, err := c.start(source, args...)
	if err != nil {
		return nil, c.explain(messages, err)
	}
	return out, nil
}

// start runs clang and returns its output and its messages.
func (c compiler) start(source string, args ...string) (out []byte, messages string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), clangDeadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.clang, append(c.args(), args...)...)
	cmd.Stdin = strings.NewReader(source)
	cmd.Env = environment()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("%s: no answer within %v", c.clang, clangDeadline)
	}
	return stdout.Bytes(), stderr.String(), err
}

// environment is this process's without what changes the headers that clang
// finds or the language of its messages.
func environment() []string {
	env := []string{"LC_ALL=C"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT":
			env = append(env, v)
		}
	}
	return env
}

// check compiles an empty file. A clang that is too old for a port, or was
// built without it, fails.
func (c compiler) check() error {
	_, messages, err := c.start("", "-c", "-o", "-", "-")
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return &failure{port: c.port.goarch, err: err}
	}
	return &failure{port: c.port.goarch, err: fmt.Errorf("%s cannot compile for %s: clang 16 or newer with all targets is needed (%s)",
		c.clang, c.port.target, firstLine(messages))}
}

var (
	// symMark is how a symbol is named as a file in what evaluate has compiled.
	symMark = regexp.MustCompile(`^sym:(\w+):\d+:\d+: (?:fatal )?error: (.*)$`)
	atFile  = regexp.MustCompile(`^(.*?):(\d+):\d+: (?:fatal )?error: (.*)$`)
	missing = regexp.MustCompile(`^'([^']+)' file not found`)
)

// explain turns clang's messages into one error.
func (c compiler) explain(messages string, err error) error {
	for line := range strings.Lines(messages) {
		line = strings.TrimRight(line, "\r\n")
		f := &failure{port: c.port.goarch}
		if m := symMark.FindStringSubmatch(line); m != nil {
			f.symbol, f.err = m[1], errors.New(m[2])
			return f
		}
		m := atFile.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f.header = headerOf(m[1], c.dirs)
		if gone := missing.FindStringSubmatch(m[3]); gone != nil && f.header == "" {
			f.header, f.err = gone[1], fmt.Errorf("not in %s", strings.Join(c.dirs, " or "))
			return f
		}
		f.err = fmt.Errorf("line %s: %s", m[2], m[3])
		return f
	}
	if messages != "" {
		err = fmt.Errorf("%w: %s", err, firstLine(messages))
	}
	return &failure{port: c.port.goarch, err: fmt.Errorf("%s: %w", c.clang, err)}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
