package matrix

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Module is pageslot's own module path. The probe and the expectations belong to
// it; tests of other modules run without.
const Module = "github.com/pageslot/pageslot"

// GoTool builds what machines run, with the go command, in the current module.
type GoTool struct {
	Path, Dir string   // of the main module
	Temp      string   // where the programs go
	Patterns  []string // of packages, as in "./..."
	Probe     bool     // the pageslot command too
	Log       func(string)
}

// Built are the programs of one port.
type Built struct {
	Packages []Package
	Pageslot string // the command, "" without the probe
}

// Package is a package with its test binary.
type Package struct {
	Path string // within the module: "internal/vm", "." for its root
	Dir  string // where its files are
	Test string // the binary
}

// FindModule finds the module of the working folder.
func FindModule(ctx context.Context) (*GoTool, error) {
	out, err := goCommand(ctx, "", nil, "list", "-m", "-json")
	if err != nil {
		return nil, err
	}
	var m struct{ Path, Dir, GoMod string }
	d := json.NewDecoder(bytes.NewReader(out))
	if err := d.Decode(&m); err != nil || m.Dir == "" {
		return nil, errors.New("there is no go.mod here or above: machines run the tests of a module")
	}
	if d.More() {
		return nil, errors.New("there are several modules here (go.work): set GOWORK=off, or go into one of them")
	}
	return &GoTool{Path: m.Path, Dir: m.Dir, Log: func(string) {}}, nil
}

// Own tells whether the module is pageslot's own.
func (g *GoTool) Own() bool { return g.Path == Module }

// Build compiles the test binaries of a port, and the command if it is wanted.
func (g *GoTool) Build(ctx context.Context, port string) (Built, error) {
	env := []string{"GOOS=linux", "GOARCH=" + port, "CGO_ENABLED=0", "GOFLAGS=" + os.Getenv("GOFLAGS")}
	dir := filepath.Join(g.Temp, port)
	var out Built
	if len(g.Patterns) > 0 {
		args := append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles,DepOnly"}, g.Patterns...)
		text, err := goCommand(ctx, "", env, args...)
		if err != nil {
			return Built{}, err
		}
		found, err := readPackages(bytes.NewReader(text), g.Path)
		if err != nil {
			return Built{}, err
		}
		if len(found) == 0 {
			return Built{}, fmt.Errorf("no package of %s has tests on %s", strings.Join(g.Patterns, " "), port)
		}
		for i, group := range apart(found) {
			to := filepath.Join(dir, fmt.Sprint(i))
			if err := os.MkdirAll(to, 0o755); err != nil {
				return Built{}, err
			}
			// Debug information is a third of the size, and goes over memory.
			args := []string{"test", "-c", "-ldflags=-s -w", "-o", to + string(filepath.Separator)}
			for _, p := range group {
				args = append(args, p.importPath)
			}
			if _, err := goCommand(ctx, "", env, args...); err != nil {
				return Built{}, fmt.Errorf("%s: %w", port, err)
			}
			for _, p := range group {
				p.Test = filepath.Join(to, binaryName(p.importPath)+".test")
				if _, err := os.Stat(p.Test); err != nil {
					return Built{}, fmt.Errorf("go test -c made no binary of %s: %w", p.importPath, err)
				}
			}
		}
		for _, p := range found {
			out.Packages = append(out.Packages, p.Package)
		}
	}
	if g.Probe {
		out.Pageslot = filepath.Join(dir, "pageslot")
		if _, err := goCommand(ctx, "", env, "build", "-ldflags=-s -w", "-o", out.Pageslot, Module+"/cmd/pageslot"); err != nil {
			return Built{}, fmt.Errorf("the pageslot command for %s: %w", port, err)
		}
	}
	return out, nil
}

// testPackage is a package on its way to a binary.
type testPackage struct {
	Package
	importPath string
}

// readPackages reads what "go list -json" prints; packages without tests are left
// out.
func readPackages(r io.Reader, module string) ([]*testPackage, error) {
	var out []*testPackage
	for d := json.NewDecoder(r); ; {
		var p struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
			continue
		}
		within := p.ImportPath
		if p.ImportPath == module {
			within = "."
		} else if rest, ok := strings.CutPrefix(p.ImportPath, module+"/"); ok {
			within = rest
		}
		out = append(out, &testPackage{Package{Path: within, Dir: p.Dir}, p.ImportPath})
	}
}

// apart puts packages into groups within which no two binaries have one name, for
// go test -c writes all of a call into one folder.
func apart(all []*testPackage) [][]*testPackage {
	var groups [][]*testPackage
	seen := map[string]int{}
	for _, p := range all {
		i := seen[binaryName(p.importPath)]
		seen[binaryName(p.importPath)]++
		if i == len(groups) {
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

var majorVersion = regexp.MustCompile(`^v([2-9]|[1-9][0-9]+)$`)

// binaryName is the name that the go command gives a package's binary: the last
// element of its path that is not the major version of a module.
func binaryName(importPath string) string {
	dir, last := path.Split(importPath)
	if majorVersion.MatchString(last) && dir != "" {
		return path.Base(dir)
	}
	return last
}

// goCommand runs the go command. An error has the end of what it said, on one line.
func goCommand(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its compilers and removes its files
	cmd.WaitDelay = goGrace
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("the go command is not in PATH: it builds what machines run")
	case err != nil:
		return nil, fmt.Errorf("go %s: %w: %s", args[0], err, oneLine(complaint.String()))
	}
	return out.Bytes(), nil
}

// oneLine is a text of several lines on one, the last of them if there are many.
func oneLine(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	const most = 6
	if len(lines) > most {
		lines = append([]string{"..."}, lines[len(lines)-most:]...)
	}
	return strings.Join(lines, "; ")
}
