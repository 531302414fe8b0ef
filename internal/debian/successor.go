package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// successor looks for the newest package that may stand in for one that has gone,
// in its suite and then in the later ones.
func successor(ctx context.Context, work string, a Archive, p Package, gone error) (Package, error) {
	names, err := p.names()
	if err != nil {
		return Package{}, err
	}
	var reasons []string
	for i, suite := range append([]string{p.Suite}, p.Later...) {
		dir := filepath.Join(work, fmt.Sprint("apt", i))
		found, ok, err := search(ctx, dir, a, p.Arch, suite, names.MatchString)
		if ctx.Err() != nil {
			return Package{}, context.Cause(ctx)
		}
		switch {
		case errors.Is(err, os.ErrPermission), isFull(err):
			return Package{}, err
		case err != nil:
			reasons = append(reasons, fmt.Sprintf("suite %s: %v", suite, err))
		case !ok:
			reasons = append(reasons, fmt.Sprintf("suite %s has no package %s", suite, p.Pattern))
		default:
			found.Suite, found.Later, found.Pattern = suite, p.Later, p.Pattern
			return found, found.check()
		}
		_ = os.RemoveAll(dir)
	}
	return Package{}, fmt.Errorf("%w, and nothing stands in for it: %s", gone, strings.Join(reasons, "; "))
}

// search returns the newest package of a suite whose name fits.
func search(ctx context.Context, dir string, a Archive, arch, suite string, fits func(string) bool) (best Package, found bool, err error) {
	own, err := newApt(ctx, dir, a, arch, []string{suite})
	if err != nil {
		return Package{}, false, err
	}
	if err := own.update(ctx); err != nil {
		return Package{}, false, err
	}
	indexes, err := own.indexes(ctx)
	if err != nil {
		return Package{}, false, err
	}
	for _, file := range indexes {
		err := stream(ctx, own.env, func(r io.Reader) error {
			p, ok, err := newest(r, fits)
			if ok && (!found || compareVersions(p.Version, best.Version) > 0) {
				best, found = p, true
			}
			return err
		}, helper, "cat-file", file)
		if err != nil {
			return Package{}, false, err
		}
	}
	return best, found, nil
}
