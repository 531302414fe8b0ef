package debian

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Closure is packages with all that they need.
type Closure struct {
	// Suites: the first is where the packages come from; what it lacks comes from
	// the others. "trixie-backports", "trixie".
	Suites   []string
	Packages []string
	// Programs are those of the folders for programs that are wanted, as
	// "qemu-system-riscv64"; the others are left out. Empty: all are wanted.
	Programs []string
}

// manifestName is the file of a tree that says what is in it.
const manifestName = ".pageslot.json"

type manifest struct {
	Closure   Closure
	Installed []string         // package and version of each
	Sizes     map[string]int64 // of regular files
}

// packageName is what may stand for a package.
var packageName = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*(:[a-z0-9]+)?$`)

func (t Closure) check() error {
	if len(t.Suites) == 0 || len(t.Packages) == 0 {
		return errors.New("no suite or no package is named")
	}
	for _, p := range t.Packages {
		if !packageName.MatchString(p) {
			return fmt.Errorf("%q is no name of a package", p)
		}
	}
	for _, p := range t.Programs {
		if p == "" || path.Base(p) != p {
			return fmt.Errorf("%q is no name of a program", p)
		}
	}
	return nil
}

// key is the name of the entry. The order of suites matters, that of the others
// does not.
func (t Closure) key() string {
	text, err := json.Marshal([][]string{t.Suites, sorted(t.Packages), sorted(t.Programs), unread})
	if err != nil {
		panic(err) // strings cannot fail
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

func sorted(s []string) []string { return slices.Compact(slices.Sorted(slices.Values(s))) }

// Tree returns a folder with the packages of a closure unpacked, for the host's
// architecture. What is in it stays: it asks archive only if the cache does not
// have the tree.
func (c Cache) Tree(ctx context.Context, archive func() (Archive, error), t Closure, log func(string)) (dir string, err error) {
	dir, err = c.tree(ctx, archive, t, orSilent(log))
	if err != nil {
		return "", fmt.Errorf("debian: unpack %s of %s: %w", strings.Join(t.Packages, " "), strings.Join(t.Suites, ", "), c.where(err))
	}
	return dir, nil
}

// HaveTree returns what Tree would, if that needs no network, and the packages
// with their versions.
func (c Cache) HaveTree(t Closure) (dir string, installed []string, ok bool) {
	dir = c.path("tree", t.key())
	text, err := os.ReadFile(filepath.Join(dir, manifestName))
	var m manifest
	if err != nil || json.Unmarshal(text, &m) != nil {
		return "", nil, false
	}
	for name, size := range m.Sizes {
		info, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil || !info.Mode().IsRegular() || info.Size() != size {
			return "", nil, false
		}
	}
	return dir, m.Installed, true
}

func (c Cache) tree(ctx context.Context, archive func() (Archive, error), t Closure, log func(string)) (string, error) {
	if err := t.check(); err != nil {
		return "", err
	}
	if dir, _, ok := c.HaveTree(t); ok {
		return dir, nil
	}
	unlock, err := c.lock(ctx, t.key(), log)
	if err != nil {
		return "", err
	}
	defer unlock()
	if dir, _, ok := c.HaveTree(t); ok {
		return dir, nil
	}
	a, err := archive()
	if err != nil {
		return "", err
	}
	if err := a.check(); err != nil {
		return "", err
	}
	work, remove, err := c.temp(ctx)
	if err != nil {
		return "", err
	}
	defer remove()
	debs, err := fetchClosure(ctx, filepath.Join(work, "apt"), a, t, log)
	if err != nil {
		return "", err
	}
	if err := unpackAll(ctx, debs, filepath.Join(work, "tree"), t); err != nil {
		return "", err
	}
	if err := c.publish(filepath.Join(work, "tree"), "tree", t.key()); err != nil {
		return "", err
	}
	return c.path("tree", t.key()), nil
}

// fetchClosure downloads the packages and what they need, as if nothing were
// installed.
func fetchClosure(ctx context.Context, dir string, a Archive, t Closure, log func(string)) (debs []string, err error) {
	arch, err := run(ctx, nil, "dpkg", "--print-architecture")
	if err != nil {
		return nil, err
	}
	log(fmt.Sprintf("asking %s for %s of %s", a, strings.Join(t.Packages, " "), t.Suites[0]))
	own, err := newApt(ctx, dir, a, strings.TrimSpace(string(arch)), t.Suites)
	if err != nil {
		return nil, err
	}
	if err := own.update(ctx); err != nil {
		return nil, err
	}
	install := append([]string{"install", "-qq", "-y", "-t", t.Suites[0]}, t.Packages...)
	listed, err := own.run(ctx, "apt-get", append(install, "--print-uris")...)
	if err != nil {
		return nil, err
	}
	n, size := printedSizes(string(listed))
	log(fmt.Sprintf("fetching %d packages (%s) from %s", n, megabytes(size), a))
	if _, err := own.run(ctx, "apt-get", append(install, "--download-only")...); err != nil {
		return nil, err
	}
	debs, err = filepath.Glob(filepath.Join(dir, "cache/archives/*.deb"))
	if err == nil && (len(debs) == 0 || len(debs) != n) {
		err = fmt.Errorf("apt downloaded %d packages instead of %d", len(debs), n)
	}
	return debs, err
}

// printedSizes adds up what apt-get install --print-uris shows: 'URI' name size
// hash.
func printedSizes(text string) (n int, sum int64) {
	for line := range strings.Lines(text) {
		var uri, name, hash string
		var size int64
		if k, _ := fmt.Sscan(line, &uri, &name, &size, &hash); k >= 3 && strings.HasPrefix(uri, "'") {
			n++
			sum += size
		}
	}
	return n, sum
}

// unpackAll makes the tree and removes each package once it is unpacked.
func unpackAll(ctx context.Context, debs []string, dir string, t Closure) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	m := manifest{Closure: t, Sizes: map[string]int64{}}
	for _, deb := range debs {
		name, err := run(ctx, nil, "dpkg-deb", "--show", deb)
		if err != nil {
			return err
		}
		m.Installed = append(m.Installed, strings.Join(strings.Fields(string(name)), " "))
		sizes, err := unpack(ctx, deb, root, func(name string) bool { return wanted(name, t.Programs) })
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(deb), err)
		}
		maps.Copy(m.Sizes, sizes)
		if err := os.Remove(deb); err != nil {
			return err
		}
	}
	for _, p := range t.Programs {
		if _, err := find(dir, p); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return root.WriteFile(manifestName, append(text, '\n'), 0o644)
}
