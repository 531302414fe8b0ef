package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// backFiles are the files that come back from one job. They are written when the
// job has its exit status, so that a machine that fails leaves none half written.
type backFiles struct {
	back  []File
	files []backFile
}

type backFile struct {
	wire.File
	content []byte
}

func (b *backFiles) begin(f wire.File) error {
	if err := b.whole(); err != nil {
		return err
	}
	if f.Back < 0 || f.Back >= len(b.back) {
		return fmt.Errorf("a file came back that nobody asked for: number %d", f.Back)
	}
	if f.Path != "" && !filepath.IsLocal(filepath.FromSlash(f.Path)) {
		return fmt.Errorf("a file came back that leads elsewhere: %q", f.Path)
	}
	b.files = append(b.files, backFile{File: f})
	return nil
}

func (b *backFiles) data(p []byte) error {
	if len(b.files) == 0 {
		return errors.New("a piece of no file came back")
	}
	last := &b.files[len(b.files)-1]
	last.content = append(last.content, p...)
	return nil
}

// whole checks that the last file came back in full.
func (b *backFiles) whole() error {
	if len(b.files) == 0 {
		return nil
	}
	last := b.files[len(b.files)-1]
	if int64(len(last.content)) != last.Size {
		return fmt.Errorf("%d of %d bytes of %s came back", len(last.content), last.Size, filepath.Join(b.back[last.Back].Guest, last.Path))
	}
	return nil
}

func (b *backFiles) deliver() error {
	if err := b.whole(); err != nil {
		return err
	}
	for _, f := range b.files {
		if err := f.write(b.back[f.Back]); err != nil {
			return err
		}
	}
	return nil
}

func (f backFile) write(to File) error {
	host := filepath.Join(to.Host, filepath.FromSlash(f.Path))
	if f.Dir {
		return os.MkdirAll(host, 0o777)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if to.Append {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND // one write: others may add to it too
	}
	w, err := os.OpenFile(host, flags, fs.FileMode(f.Mode).Perm()|0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(f.content)
	return errors.Join(err, w.Close())
}
