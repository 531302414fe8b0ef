package debian

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// files calls each for every entry of a package, with its name cleaned: no "./"
// before it. The content can be read in the call.
func files(ctx context.Context, deb string, each func(h *tar.Header, content io.Reader) error) error {
	return stream(ctx, nil, func(r io.Reader) error {
		entries := tar.NewReader(r)
		for {
			h, err := entries.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read the package: %w", err)
			}
			h.Name = strings.TrimPrefix(path.Clean("/"+h.Name), "/")
			if err := each(h, entries); err != nil {
				return err
			}
		}
	}, "dpkg-deb", "--fsys-tarfile", deb)
}

// extract writes the one file of a package that fits the pattern into dir and
// returns its name and its hash. A symbolic link stands for the file that it
// leads to within the package.
func extract(ctx context.Context, deb, pattern, dir string) (name, sum string, err error) {
	links := map[string]string{}
	var names, found []string
	err = files(ctx, deb, func(h *tar.Header, content io.Reader) (err error) {
		names = append(names, h.Name)
		fits, err := path.Match(pattern, h.Name)
		switch {
		case err != nil:
			return fmt.Errorf("pattern %q: %w", pattern, err)
		case h.Typeflag == tar.TypeSymlink:
			links[h.Name] = h.Linkname
		case fits && h.Typeflag == tar.TypeReg:
			if found = append(found, h.Name); len(found) == 1 {
				name = path.Base(h.Name)
				sum, err = write(ctx, filepath.Join(dir, name), content)
			}
		}
		return err
	})
	if err != nil || len(found) == 1 {
		return name, sum, err
	}
	if len(found) == 0 {
		if target, ok := throughLinks(names, links, pattern); ok {
			return extract(ctx, deb, target, dir)
		}
		return "", "", fmt.Errorf("the package has no file %s", pattern)
	}
	return "", "", fmt.Errorf("the package has several files %s: %s", pattern, strings.Join(found, ", "))
}

// throughLinks finds the file that a pattern means in a package with symbolic
// links, where the pattern itself fits no file: it fits a link, or a name that
// goes through a link. The answer is a pattern that fits one file alone.
func throughLinks(names []string, links map[string]string, pattern string) (string, bool) {
	var targets []string
	add := func(name string) {
		target, ok := follow(links, name)
		if ok && target != name && slices.Contains(names, target) && !slices.Contains(targets, target) {
			targets = append(targets, target)
		}
	}
	for _, name := range names {
		if fits, err := path.Match(pattern, name); err == nil && fits {
			add(name)
		}
	}
	if len(targets) == 0 {
		// A link in place of one of the folders.
		elems := strings.Split(pattern, "/")
		for i := 1; i < len(elems); i++ {
			head, tail := strings.Join(elems[:i], "/"), strings.Join(elems[i:], "/")
			for name := range links {
				if fits, err := path.Match(head, name); err != nil || !fits {
					continue
				}
				if folder, ok := follow(links, name); ok {
					for _, n := range names {
						if fits, err := path.Match(quote(folder)+"/"+tail, n); err == nil && fits && links[n] == "" && !slices.Contains(targets, n) {
							targets = append(targets, n)
						}
					}
				}
			}
		}
	}
	if len(targets) != 1 {
		return "", false
	}
	return quote(targets[0]), true
}

// follow resolves every link in a name, within the package.
func follow(links map[string]string, name string) (string, bool) {
	for range 40 {
		again := false
		for i := range len(name) + 1 {
			if i < len(name) && name[i] != '/' {
				continue
			}
			if to, ok := links[name[:i]]; ok {
				if !path.IsAbs(to) {
					to = path.Join("/", path.Dir(name[:i]), to)
				}
				name = strings.TrimPrefix(path.Join(path.Clean(to), name[i:]), "/")
				again = true
				break
			}
		}
		if !again {
			return name, true
		}
	}
	return "", false
}

// quote makes a pattern that fits one name.
func quote(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}
