package debian

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// unread are folders that no program reads to do its work.
var unread = []string{
	"usr/share/doc", "usr/share/doc-base", "usr/share/man", "usr/share/info", "usr/share/locale", "usr/share/i18n",
	"usr/share/lintian", "usr/share/bug", "usr/share/bash-completion", "usr/share/icons", "usr/share/applications",
	"usr/share/pixmaps", "usr/share/metainfo", "usr/share/common-licenses",
	"etc", "var",
}

// wanted says whether a file of a package belongs into a tree. If programs are
// named, no others are taken.
func wanted(name string, programs []string) bool {
	for _, folder := range unread {
		if name == folder || strings.HasPrefix(name, folder+"/") {
			return false
		}
	}
	switch path.Dir(name) {
	case "bin", "sbin", "usr/bin", "usr/sbin":
		return len(programs) == 0 || slices.Contains(programs, path.Base(name))
	}
	return true
}

// unpack writes the files of a package that keep wants below root. Owners, special
// bits and devices are left out. It returns the regular files and their sizes.
func unpack(ctx context.Context, deb string, root *os.Root, keep func(name string) bool) (sizes map[string]int64, err error) {
	sizes = map[string]int64{}
	err = files(ctx, deb, func(h *tar.Header, content io.Reader) (err error) {
		if h.Name == "" || !keep(h.Name) {
			return nil
		}
		if err := root.MkdirAll(path.Dir(h.Name), 0o755); err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(h.Name, 0o755)
		case tar.TypeReg:
			sizes[h.Name] = h.Size
			err = writeBelow(ctx, root, h, content)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, h.Name)
		case tar.TypeLink:
			err = root.Link(strings.TrimPrefix(path.Clean("/"+h.Linkname), "/"), h.Name)
		}
		if err != nil {
			return fmt.Errorf("unpack: %w", err)
		}
		return nil
	})
	return sizes, err
}

func writeBelow(ctx context.Context, root *os.Root, h *tar.Header, content io.Reader) error {
	mode := os.FileMode(0o644)
	if h.Mode&0o111 != 0 {
		mode = 0o755
	}
	f, err := root.OpenFile(h.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, until(ctx, content))
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}
