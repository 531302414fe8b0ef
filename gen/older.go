package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// older are the releases, besides that of the facts, whose headers are looked
// at for since when a symbol is there: each is a folder of the tree that -older
// names. gen/fetch-older fetches them.
var older = []release{{5, 10}, {6, 1}, {6, 12}, {7, 2}}

// firstHeaders has the ports whose older headers are no package. Linux runs on
// loong64 since 5.19, and Debian packages its headers from 6.12 on.
var firstHeaders = map[string]release{"loong64": {6, 12}}

// portsAt are the ports whose headers of a release can be had.
func portsAt(r release) []port {
	return slices.DeleteFunc(slices.Clone(ports), func(p port) bool {
		return r.compare(firstHeaders[p.goarch]) < 0
	})
}

// extractOlder makes the facts of every older release. One that fails, or that
// is not there, fails all.
func extractOlder(clang, root string) ([][]*Facts, error) {
	if err := checkOlder(root); err != nil {
		return nil, err
	}
	var all [][]*Facts
	var errs []error
	for _, r := range older {
		facts, err := extractAll(clang, filepath.Join(root, r.String()), "", portsAt(r))
		if err != nil {
			errs = append(errs, inRelease(r, err))
			continue
		}
		for _, f := range facts {
			if got, err := releaseOf(f); err != nil {
				errs = append(errs, inRelease(r, err))
			} else if got != r {
				errs = append(errs, inRelease(r, &failure{port: f.Port, err: fmt.Errorf("holds headers of Linux %s", f.Headers.Linux)}))
			}
		}
		all = append(all, facts)
	}
	return all, errors.Join(errs...)
}

// inRelease puts the release before each line of an error.
func inRelease(r release, err error) error {
	prefix := fmt.Sprintf("Linux %v: ", r)
	return errors.New(prefix + strings.ReplaceAll(err.Error(), "\n", "\n"+prefix))
}

// checkOlder looks for the folders before any of them is compiled: exactly one
// for each release.
func checkOlder(root string) error {
	entries, err := os.ReadDir(root)
	if err != nil {
		return fmt.Errorf("-older: %w", err)
	}
	var missing, more []string
	for _, r := range older {
		if !slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == r.String() && e.IsDir() }) {
			missing = append(missing, r.String())
		}
	}
	for _, e := range entries {
		if !slices.ContainsFunc(older, func(r release) bool { return e.Name() == r.String() }) {
			more = append(more, e.Name())
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("-older %s: no folder %s; gen/fetch-older makes them all", root, few(missing))
	}
	if len(more) > 0 {
		return fmt.Errorf("-older %s: %s is of none of the releases in gen/older.go", root, few(more))
	}
	return nil
}
