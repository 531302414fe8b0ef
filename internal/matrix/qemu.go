package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pageslot/pageslot/internal/debian"
)

// Emulator is a QEMU that was found.
type Emulator struct {
	Command  []string
	Version  string
	Unpacked bool // not installed, but unpacked in the cache
}

// newer are the suites that have a QEMU for every machine; what the first lacks
// comes from the second.
var newer = []string{"trixie-backports", "trixie"}

// closure is what has to be unpacked for a program.
func closure(p Program) debian.Closure {
	return debian.Closure{Suites: newer, Packages: []string{p.Package}, Programs: []string{p.Program}}
}

// emulators finds QEMUs and remembers them.
type emulators struct {
	installed func(ctx context.Context, program string) (version string, err error)
	have      func(p Program) bool // tree needs no network
	tree      func(ctx context.Context, p Program) (dir string, err error)
	version   func(ctx context.Context, command []string) (string, error)
	log       func(string)

	mu    sync.Mutex
	known map[string]*Emulator
}

// find returns the installed QEMU if it is new enough, else one that is unpacked
// beside it; where that fails, the installed one if it will do.
func (e *emulators) find(ctx context.Context, p Program, q QEMU) (Emulator, error) {
	installed, err := e.look(ctx, p.Program)
	if err != nil {
		return Emulator{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if installed != nil && compareVersions(installed.Version, q.enough()) >= 0 {
		return *installed, nil
	}
	unpacked := strings.Join([]string{"unpacked", p.Program, q.Oldest, q.Wanted}, " ")
	if e.known[unpacked] == nil {
		found, err := e.unpack(ctx, p, q, installed)
		if err != nil && ctx.Err() == nil && installed != nil && compareVersions(installed.Version, q.Oldest) >= 0 {
			e.log(fmt.Sprintf("going on with %s %s, under which a kernel may crash now and then: %v", p.Program, installed.Version, err))
			found, err = *installed, nil
		}
		if err != nil {
			return Emulator{}, err
		}
		e.known[unpacked] = &found
	}
	return *e.known[unpacked], nil
}

// look returns the installed QEMU; nil if there is none.
func (e *emulators) look(ctx context.Context, program string) (*Emulator, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if found, ok := e.known[program]; ok {
		return found, nil
	}
	var found *Emulator
	switch v, err := e.installed(ctx, program); {
	case err == nil:
		found = &Emulator{Command: []string{program}, Version: v}
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case !errors.Is(err, exec.ErrNotFound):
		return nil, err
	}
	if e.known == nil {
		e.known = map[string]*Emulator{}
	}
	e.known[program] = found
	return found, nil
}

// unpack takes a QEMU out of packages. It needs no root: its own dynamic linker
// starts it with its own libraries.
func (e *emulators) unpack(ctx context.Context, p Program, q QEMU, installed *Emulator) (Emulator, error) {
	why := p.Program + " is not installed"
	if installed != nil {
		verb := "needs"
		if compareVersions(installed.Version, q.Oldest) >= 0 {
			verb = "wants"
		}
		why = fmt.Sprintf("%s is %s here, and this machine %s %s", p.Program, installed.Version, verb, q.enough())
	}
	if !e.have(p) { // else it would be told at every start, between the lines of tests
		e.log(fmt.Sprintf("%s: taking %s of %s, unpacked in the cache", why, p.Package, newer[0]))
	}
	dir, err := e.tree(ctx, p)
	if ctx.Err() != nil {
		return Emulator{}, context.Cause(ctx)
	}
	if err != nil {
		return Emulator{}, fmt.Errorf("%s; %s; unpacking one failed: %w", why, hint(p), err)
	}
	command, err := treeCommand(dir, p.Program)
	if err != nil {
		return Emulator{}, err
	}
	v, err := e.version(ctx, command)
	if err != nil {
		return Emulator{}, err
	}
	if compareVersions(v, q.enough()) < 0 {
		return Emulator{}, fmt.Errorf("%s; the one of %s is %s", why, newer[0], v)
	}
	return Emulator{Command: command, Version: v, Unpacked: true}, nil
}

// hint says how to install a QEMU.
func hint(p Program) string {
	if p.Before != "" {
		return fmt.Sprintf("apt-get install %s (%s up to Debian 12)", p.Package, p.Before)
	}
	return "apt-get install " + p.Package
}

// treeCommand is how a QEMU of an unpacked tree is started. It looks for firmware
// where it was built to be, so it has to be told.
func treeCommand(dir, program string) ([]string, error) {
	command, err := debian.Program(dir, program)
	if err != nil {
		return nil, err
	}
	for _, folder := range []string{"usr/share/qemu", "usr/share/seabios", "usr/share/skiboot"} {
		firmware := filepath.Join(dir, folder)
		if _, err := os.Stat(firmware); err == nil {
			command = append(command, "-L", firmware)
		}
	}
	return command, nil
}

var versionLine = regexp.MustCompile(`\bversion ([0-9]+\.[0-9]+(\.[0-9]+)*)`)

// qemuVersion asks a QEMU for its version.
func qemuVersion(ctx context.Context, command []string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], append(slices.Clone(command[1:]), "--version")...)
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s --version: %w", command[0], err)
	}
	m := versionLine.FindSubmatch(out)
	if m == nil {
		first, _, _ := strings.Cut(string(out), "\n")
		return "", fmt.Errorf("%s --version says no version: %q", command[0], first)
	}
	return string(m[1]), nil
}

// installedVersion is qemuVersion of what PATH has.
func installedVersion(ctx context.Context, program string) (string, error) {
	if _, err := exec.LookPath(program); err != nil {
		return "", err
	}
	return qemuVersion(ctx, []string{program})
}
