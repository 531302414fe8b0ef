package main

import (
	"io"
	"os"
	"path/filepath"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// makeFiles makes the job's working folder and its files, for the job's user.
func makeFiles(job wire.Job) error {
	entries := append([]wire.Entry{{To: job.Dir, Dir: true, Mode: 0o755}}, job.Files...)
	for _, back := range job.Back {
		entries = append(entries, wire.Entry{To: filepath.Dir(back), Dir: true, Mode: 0o755})
	}
	for _, e := range entries {
		if err := makeOne(e, job.User); err != nil {
			return err
		}
	}
	return nil
}

func makeOne(e wire.Entry, user int) error {
	if err := os.MkdirAll(filepath.Dir(e.To), 0o755); err != nil {
		return err
	}
	switch {
	case e.Dir:
		if _, err := os.Stat(e.To); err == nil {
			return nil // it is the machine's, or made already
		}
		if err := os.Mkdir(e.To, 0o700); err != nil {
			return err
		}
	case e.Link != "":
		if err := os.Symlink(e.Link, e.To); err != nil {
			return err
		}
		return os.Lchown(e.To, user, user)
	default:
		if err := copyFile(e.Store, e.To); err != nil {
			return err
		}
	}
	if err := os.Chown(e.To, user, user); err != nil {
		return err
	}
	return os.Chmod(e.To, os.FileMode(e.Mode).Perm())
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
