package vm

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// files adds what a test may read: what lies beside it, its testdata, and what
// the caller names.
func (j *Job) files(dir string, also []string) error {
	beside, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, d := range beside {
		host := filepath.Join(dir, d.Name())
		info, err := os.Stat(host) // a link to a file is as good
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // a link that leads nowhere, or a file that is gone
		case err != nil:
			return err
		case info.Mode().IsRegular() && info.Size() <= largestBeside, info.IsDir() && d.Name() == "testdata":
			j.Files = append(j.Files, File{Host: host, Guest: guestPath(host)})
		}
	}
	for _, file := range also {
		host := beneath(dir, file)
		if _, err := os.Stat(host); err != nil {
			return err
		}
		j.Files = append(j.Files, File{Host: host, Guest: guestPath(host)})
	}
	return nil
}
