package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pageslot/pageslot/internal/procmaps"
)

// descriptors are the process's open files: what each number leads to.
type descriptors map[string]string

const fdFolder = "/proc/self/fd"

// openDescriptors lists them. Where there is no such list it is empty.
func openDescriptors() (descriptors, error) {
	list, err := os.ReadDir(fdFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	d := descriptors{}
	for _, e := range list {
		// The descriptor of the listing itself is gone by now.
		if to, err := os.Readlink(filepath.Join(fdFolder, e.Name())); err == nil {
			d[e.Name()] = to
		}
	}
	return d, nil
}

// leftBehind looks for descriptors that were not there before, and for the mappings
// that the pool had. The Go runtime's own come and go: its poller's descriptors are
// opened with the first file, and its heap may be where a slab was.
func (j *job) leftBehind() error {
	var errs []error
	after, err := openDescriptors()
	if err != nil {
		return err
	}
	for fd, to := range after {
		if j.before[fd] != to && to != "anon_inode:[eventpoll]" && to != "anon_inode:[eventfd]" {
			errs = append(errs, fmt.Errorf("descriptor %s (%s) is still open", fd, to))
		}
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	defer f.Close()
	all, err := procmaps.Parse(f)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	bases := slices.Clone(j.geometry.bases)
	slices.Sort(bases)
	for _, v := range all {
		// Unlike Go's memory, a slab is out of core dumps, and nothing is set aside for it.
		ours := v.Has("dd") && j.overlaps(bases, v) ||
			v.Has("nr") && v.Start <= uint64(j.length) && uint64(j.length) < v.End ||
			strings.HasPrefix(v.Path, "/memfd:"+imageName)
		if ours {
			errs = append(errs, fmt.Errorf("%#x-%#x %s %s is still mapped", v.Start, v.End, v.Perms, v.Path))
		}
	}
	return errors.Join(errs...)
}

// overlaps tells whether a mapping has an address of a slot.
func (j *job) overlaps(bases []uintptr, v procmaps.VMA) bool {
	// The first slot that ends behind the mapping's start.
	i, _ := slices.BinarySearchFunc(bases, v.Start, func(b uintptr, start uint64) int {
		if uint64(b)+j.geometry.slotBytes <= start {
			return -1
		}
		return 1
	})
	return i < len(bases) && uint64(bases[i]) < v.End
}
