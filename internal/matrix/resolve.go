package matrix

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/pageslot/pageslot/internal/debian"
	"github.com/pageslot/pageslot/internal/vm"
)

// Resolver turns machines of the matrix into such that can be started. It may be
// used from several goroutines.
type Resolver struct {
	matrix *Matrix
	cache  debian.Cache
	kernel func(ctx context.Context, k Kernel) (debian.Fetched, error)
	qemu   *emulators
	keys   func() bool
}

// Resolved is a machine that can be started.
type Resolved struct {
	Machine Machine
	Config  vm.Config
	Kernel  debian.Fetched // without a package where the kernel is the user's own file
	QEMU    Emulator
}

// NewResolver makes a Resolver. archive is asked at most once, and only if the
// cache lacks something. log gets lines about what is fetched.
func NewResolver(m *Matrix, cache debian.Cache, archive func() (debian.Archive, error), log func(string)) *Resolver {
	archive = sync.OnceValues(archive)
	return &Resolver{
		matrix: m,
		cache:  cache,
		kernel: func(ctx context.Context, k Kernel) (debian.Fetched, error) {
			return cache.Kernel(ctx, archive, k.Package, k.Member, log)
		},
		qemu: &emulators{
			installed: installedVersion,
			version:   qemuVersion,
			log:       log,
			have: func(p Program) bool {
				_, _, ok := cache.HaveTree(closure(p))
				return ok
			},
			tree: func(ctx context.Context, p Program) (string, error) {
				return cache.Tree(ctx, archive, closure(p), log)
			},
		},
		keys: sync.OnceValue(hostKeys),
	}
}

// Resolve fetches what the machine needs. image is a kernel of the user's own
// instead of the machine's; empty is the machine's.
func (r *Resolver) Resolve(ctx context.Context, x Machine, image string) (Resolved, error) {
	k := r.matrix.KernelOf(x)
	out := Resolved{Machine: x, Kernel: debian.Fetched{File: image}}
	p, ok := r.matrix.program(x.QEMU.Program)
	if !ok {
		return Resolved{}, fmt.Errorf("machine %s: the program %q is not listed", x.Name, x.QEMU.Program)
	}
	var err error
	// QEMU first: where there is none, 50 MB of kernel are of no use.
	if out.QEMU, err = r.qemu.find(ctx, p, x.QEMU); err != nil {
		return Resolved{}, fmt.Errorf("machine %s: %w", x.Name, err)
	}
	if image == "" {
		if out.Kernel, err = r.kernel(ctx, k); err != nil {
			return Resolved{}, fmt.Errorf("machine %s: %w", x.Name, err)
		}
	} else if info, err := os.Stat(image); err != nil {
		return Resolved{}, err
	} else if !info.Mode().IsRegular() {
		return Resolved{}, fmt.Errorf("the kernel %s is not a file", image)
	}
	out.Config = vm.Config{
		QEMU:   out.QEMU.Command,
		Args:   strings.Fields(x.QEMU.Args),
		Kernel: out.Kernel.File,
		Append: x.Append,
		Arch:   k.Arch,
		KVM:    x.KVM && r.keys() == x.Keys,
		Slow:   x.Slow,
		Sysctl: x.Sysctl,
		Initrd: x.Initrd,
		Cache:  filepath.Join(r.cache.Dir, "vm"),
	}
	return out, nil
}

// Cached tells, without the network, whether the kernel of a machine is there.
func (r *Resolver) Cached(x Machine) (debian.Fetched, bool) {
	k := r.matrix.KernelOf(x)
	return r.cache.Have(k.Package, k.Member)
}

// Installed is the installed QEMU of a machine; enough says whether no newer one is
// looked for.
func (r *Resolver) Installed(ctx context.Context, x Machine) (version string, enough bool) {
	found, err := r.qemu.look(ctx, x.QEMU.Program)
	if err != nil || found == nil {
		return "", false
	}
	return found.Version, compareVersions(found.Version, x.QEMU.enough()) >= 0
}

var keyFlags = regexp.MustCompile(`(?m)^(flags|Features)\s*:.*\b(ospke|poe)\b`)

// Unpacked tells, without the network, whether a newer QEMU of a machine is in the
// cache.
func (r *Resolver) Unpacked(x Machine) bool {
	p, ok := r.matrix.program(x.QEMU.Program)
	return ok && r.qemu.have(p)
}

// hostKeys tells whether this machine's processor has protection keys that its
// kernel uses: those a guest under KVM gets.
func hostKeys() bool {
	text, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && keyFlags.Match(bytes.TrimSpace(text))
}
