package debian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
)

// Fetched is a file out of a package, in the cache.
type Fetched struct {
	File string
	// Package is the one that File really comes from.
	Package Package
	// Fallback says that it is another package than was asked for. That stays so
	// until the entry is removed from the cache.
	Fallback bool
	Cached   bool // it was there
}

// about is written beside a file in the cache.
type about struct {
	Member  string  `json:"member"`  // the pattern it was asked by
	File    string  `json:"file"`    // its name
	SHA256  string  `json:"sha256"`  // its own
	Package Package `json:"package"` // where it comes from
}

// Kernel returns the one file of a package that fits the pattern member, as
// path.Match does: "boot/vmlinuz-*". It asks archive only if the cache does not
// have it.
func (c Cache) Kernel(ctx context.Context, archive func() (Archive, error), p Package, member string, log func(string)) (Fetched, error) {
	f, err := c.kernel(ctx, archive, p, member, orSilent(log))
	if err != nil {
		return Fetched{}, fmt.Errorf("debian: fetch %s: %w", p, c.where(err))
	}
	return f, nil
}

// Have returns what Kernel would, if that needs no network.
func (c Cache) Have(p Package, member string) (Fetched, bool) {
	if p.check() != nil {
		return Fetched{}, false
	}
	return c.load(context.Background(), p, member)
}

func (c Cache) kernel(ctx context.Context, archive func() (Archive, error), p Package, member string, log func(string)) (Fetched, error) {
	if err := p.check(); err != nil {
		return Fetched{}, err
	}
	if _, err := path.Match(member, ""); err != nil || member == "" {
		return Fetched{}, fmt.Errorf("%q is no pattern of a file in a package", member)
	}
	if f, ok := c.load(ctx, p, member); ok {
		return f, nil
	}
	unlock, err := c.lock(ctx, p.SHA256, log)
	if err != nil {
		return Fetched{}, err
	}
	defer unlock()
	if f, ok := c.load(ctx, p, member); ok {
		return f, nil
	}
	a, err := archive()
	if err != nil {
		return Fetched{}, err
	}
	if err := a.check(); err != nil {
		return Fetched{}, err
	}
	if _, err := tool("dpkg-deb"); err != nil {
		return Fetched{}, err
	}
	work, remove, err := c.temp(ctx)
	if err != nil {
		return Fetched{}, err
	}
	defer remove()
	deb := filepath.Join(work, "package.deb")
	log(fmt.Sprintf("fetching %s (%s) from %s", p, megabytes(p.Size), a))
	from := p
	if err = download(ctx, work, a, p, deb); errors.Is(err, ErrGone) && p.Pattern != "" {
		if from, err = successor(ctx, work, a, p, err); err == nil {
			log(fmt.Sprintf("FALLBACK: %s has gone from %s; taking %s of %s (%s)", p, a, from, from.Suite, megabytes(from.Size)))
			err = download(ctx, work, a, from, deb)
		}
	}
	if err != nil {
		return Fetched{}, err
	}
	if err := c.keep(ctx, work, deb, p, from, member); err != nil {
		return Fetched{}, err
	}
	f, ok := c.load(ctx, p, member)
	if !ok {
		return Fetched{}, errors.New("what was put into the cache is not there, or damaged")
	}
	f.Cached = false
	return f, nil
}

// keep makes the entry of p from a package that was downloaded.
func (c Cache) keep(ctx context.Context, work, deb string, p, from Package, member string) error {
	entry := filepath.Join(work, "entry")
	if err := os.Mkdir(entry, 0o755); err != nil {
		return err
	}
	name, sum, err := extract(ctx, deb, member, entry)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(about{member, name, sum, from}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(entry, "about.json"), append(text, '\n'), 0o644); err != nil {
		return err
	}
	return c.publish(entry, "kernel", p.SHA256)
}

// load returns an entry that is whole.
func (c Cache) load(ctx context.Context, p Package, member string) (Fetched, bool) {
	text, err := os.ReadFile(c.path("kernel", p.SHA256, "about.json"))
	var a about
	if err != nil || json.Unmarshal(text, &a) != nil || a.Member != member || a.File != filepath.Base(a.File) {
		return Fetched{}, false
	}
	file := c.path("kernel", p.SHA256, a.File)
	if checkFile(ctx, file, a.SHA256) != nil {
		return Fetched{}, false
	}
	return Fetched{File: file, Package: a.Package, Fallback: a.Package.SHA256 != p.SHA256, Cached: true}, true
}

func orSilent(log func(string)) func(string) {
	if log == nil {
		return func(string) {}
	}
	return log
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
