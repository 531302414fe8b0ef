package matrix

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/debian"
)

var riscv = Program{Program: "qemu-system-riscv64", Package: "qemu-system-riscv", Before: "qemu-system-misc"}

// host is a host with one QEMU, or none, and an archive.
func host(t *testing.T, installed string, lines *[]string) *emulators {
	return &emulators{
		log: func(s string) { *lines = append(*lines, s) },
		installed: func(ctx context.Context, program string) (string, error) {
			if installed == "" {
				return "", &exec.Error{Name: program, Err: exec.ErrNotFound}
			}
			return installed, nil
		},
		have:    func(p Program) bool { return false },
		tree:    func(ctx context.Context, p Program) (string, error) { return tree(t, p.Program), nil },
		version: func(ctx context.Context, command []string) (string, error) { return "11.1.3", nil },
	}
}

// tree is an unpacked QEMU: a static ELF file without anything in it.
func tree(t *testing.T, program string) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"usr/bin", "usr/share/qemu", "usr/lib/x-linux-gnu"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: uint32(elf.EV_CURRENT), Ehsize: 64}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	if err := binary.Write(&b, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "usr/bin", program), b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestQEMUInstalled(t *testing.T) {
	var lines []string
	got, err := host(t, "7.2.22", &lines).find(context.Background(), riscv, QEMU{Oldest: "7.2"})
	if err != nil || got.Unpacked || got.Version != "7.2.22" || !slices.Equal(got.Command, []string{riscv.Program}) || len(lines) != 0 {
		t.Errorf("%+v, %v, %q", got, err, lines)
	}
}

// An old one, and none, are replaced by one that is unpacked, once, with a line
// that says so.
func TestQEMUUnpacked(t *testing.T) {
	for installed, want := range map[string]string{
		"7.2.22": "qemu-system-riscv64 is 7.2.22 here, and this machine needs 11.0: taking qemu-system-riscv of trixie-backports",
		"":       "qemu-system-riscv64 is not installed: taking qemu-system-riscv of trixie-backports",
	} {
		var lines []string
		e := host(t, installed, &lines)
		for range 2 {
			got, err := e.find(context.Background(), riscv, QEMU{Oldest: "11.0"})
			if err != nil || !got.Unpacked || got.Version != "11.1.3" {
				t.Fatalf("%+v, %v", got, err)
			}
			if line := filepath.ToSlash(strings.Join(got.Command, " ")); !strings.Contains(line, "/usr/bin/qemu-system-riscv64 -L ") || !strings.HasSuffix(line, "/usr/share/qemu") {
				t.Errorf("the command is %q", got.Command)
			}
		}
		if len(lines) != 1 || !strings.HasPrefix(lines[0], want) {
			t.Errorf("lines %q, want %q", lines, want)
		}
	}
}

// One that is there is taken without a word: the words would stand between those
// of every test.
func TestQEMUUnpackedBefore(t *testing.T) {
	var lines []string
	e := host(t, "7.2.22", &lines)
	e.have = func(Program) bool { return true }
	if got, err := e.find(context.Background(), riscv, QEMU{Oldest: "11.0"}); err != nil || !got.Unpacked || len(lines) != 0 {
		t.Errorf("%+v, %v, %q", got, err, lines)
	}
}

// One that is wanted but not needed is looked for, and done without.
func TestQEMUWanted(t *testing.T) {
	var lines []string
	wanted := QEMU{Oldest: "7.2", Wanted: "11.0"}
	e := host(t, "7.2.22", &lines)
	if got, err := e.find(context.Background(), riscv, wanted); err != nil || !got.Unpacked || !strings.Contains(lines[0], "7.2.22 here, and this machine wants 11.0") {
		t.Errorf("%+v, %v, %q", got, err, lines)
	}
	lines = nil
	e = host(t, "7.2.22", &lines)
	e.tree = func(context.Context, Program) (string, error) { return "", debian.ErrNoArchive }
	for range 2 {
		if got, err := e.find(context.Background(), riscv, wanted); err != nil || got.Unpacked || got.Version != "7.2.22" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if len(lines) != 2 || !strings.Contains(lines[1], "going on with qemu-system-riscv64 7.2.22") || !strings.Contains(lines[1], "-mirror URL") {
		t.Errorf("lines %q", lines)
	}
	e = host(t, "7.1", &lines)
	e.tree = func(context.Context, Program) (string, error) { return "", debian.ErrNoArchive }
	if got, err := e.find(context.Background(), riscv, wanted); err == nil {
		t.Errorf("%+v: too old", got)
	}
}

func TestNoQEMU(t *testing.T) {
	var lines []string
	for name, test := range map[string]struct {
		change func(*emulators)
		want   []string
	}{
		"no archive": {func(e *emulators) {
			e.tree = func(context.Context, Program) (string, error) { return "", debian.ErrNoArchive }
		}, []string{"qemu-system-riscv64 is not installed", "apt-get install qemu-system-riscv (qemu-system-misc up to Debian 12)", "-mirror URL"}},
		"a tree without it": {func(e *emulators) {
			e.tree = func(context.Context, Program) (string, error) { return t.TempDir(), nil }
		}, []string{"qemu-system-riscv64"}},
		"one that is too old": {func(e *emulators) {
			e.version = func(context.Context, []string) (string, error) { return "10.0", nil }
		}, []string{"the one of trixie-backports is 10.0"}},
		"one that is broken": {func(e *emulators) {
			e.version = func(context.Context, []string) (string, error) { return "", errors.New("no libc") }
		}, []string{"no libc"}},
		"an installed one that is broken": {func(e *emulators) {
			e.installed = func(context.Context, string) (string, error) { return "", errors.New("exit status 127") }
		}, []string{"exit status 127"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := host(t, "", &lines)
			test.change(e)
			_, err := e.find(context.Background(), riscv, QEMU{Oldest: "11.0"})
			for _, words := range test.want {
				if err == nil || !strings.Contains(err.Error(), words) || strings.ContainsRune(err.Error(), '\n') {
					t.Errorf("%v does not say %q", err, words)
				}
			}
		})
	}
}

func TestQEMUInterrupted(t *testing.T) {
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(stopped)
	var lines []string
	e := host(t, "", &lines)
	e.tree = func(ctx context.Context, p Program) (string, error) { return "", fmt.Errorf("apt: %w", ctx.Err()) }
	if _, err := e.find(ctx, riscv, QEMU{Oldest: "7.2"}); !errors.Is(err, stopped) {
		t.Error(err)
	}
}

func TestVersionLine(t *testing.T) {
	for text, want := range map[string]string{
		"QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)\nCopyright": "7.2.22",
		"QEMU emulator version 11.1.3":                                              "11.1.3",
		"QEMU emulator version 8.0":                                                 "8.0",
	} {
		if m := versionLine.FindStringSubmatch(text); m == nil || m[1] != want {
			t.Errorf("%q: %q", text, m)
		}
	}
	if m := versionLine.FindStringSubmatch("version control"); m != nil {
		t.Errorf("%q", m)
	}
}

// A machine runs under KVM only where the host's processor agrees about keys.
func TestResolveKVM(t *testing.T) {
	for _, test := range []struct{ kvm, keys, host, want bool }{
		{true, true, true, true}, {true, true, false, false}, {true, false, true, false}, {true, false, false, true}, {false, true, true, false},
	} {
		var lines []string
		m := the(t)
		r := NewResolver(m, debian.Cache{Dir: t.TempDir()}, nil, func(string) {})
		r.qemu = host(t, "99.0", &lines)
		r.keys = func() bool { return test.host }
		r.kernel = func(context.Context, Kernel) (debian.Fetched, error) { return debian.Fetched{File: "/kernel"}, nil }
		x := m.Machines[0]
		x.KVM, x.Keys = test.kvm, test.keys
		got, err := r.Resolve(context.Background(), x, "")
		if err != nil || got.Config.KVM != test.want || got.Config.Kernel != "/kernel" || got.Config.Arch != "amd64" || got.Config.Slow != x.Slow {
			t.Errorf("%+v: %+v, %v", test, got.Config, err)
		}
	}
}

func TestKeyFlags(t *testing.T) {
	for text, want := range map[string]bool{
		"model name\t: x\nflags\t\t: fpu pku ospke\n":  true,
		"flags\t\t: fpu pku\n":                         false, // the kernel does not use them
		"Features\t: fp asimd poe gcs\nprocessor : 1":  true,
		"Features\t: fp asimd\nmodel name\t: poe flag": false,
	} {
		if got := keyFlags.MatchString(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A kernel of the user's own is taken as it is.
func TestResolveFile(t *testing.T) {
	var lines []string
	m := the(t)
	r := NewResolver(m, debian.Cache{Dir: t.TempDir()}, nil, func(string) {})
	r.qemu = host(t, "99.0", &lines)
	r.kernel = func(context.Context, Kernel) (debian.Fetched, error) { return debian.Fetched{}, errors.New("fetched") }
	file := filepath.Join(t.TempDir(), "vmlinuz")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := r.Resolve(context.Background(), m.Machines[0], file)
	if err != nil || got.Config.Kernel != file {
		t.Errorf("%+v, %v", got.Config, err)
	}
	for _, bad := range []string{file + "x", filepath.Dir(file)} {
		if _, err := r.Resolve(context.Background(), m.Machines[0], bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
