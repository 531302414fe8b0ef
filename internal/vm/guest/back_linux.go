package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// sendBack sends the files that the host wants. What the job did not make is
// left out, and so is what is neither a file nor a folder.
func sendBack(i int, job wire.Job, console *sender) error {
	for n, top := range job.Back {
		err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if !d.IsDir() && !d.Type().IsRegular() {
				return nil
			}
			return sendFile(i, n, top, path, console)
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("send %s back: %v", top, err)
		}
	}
	return nil
}

func sendFile(job, back int, top, path string, console *sender) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(top, path)
	if err != nil {
		return err
	}
	if rel == "." {
		rel = ""
	}
	head := wire.File{Back: back, Path: rel, Dir: info.IsDir(), Mode: uint32(info.Mode().Perm())}
	if info.IsDir() {
		return console.json(job, wire.KindFile, head)
	}
	head.Size = info.Size()
	if err := console.json(job, wire.KindFile, head); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(piece{console, job, wire.KindData}, f)
	return err
}
