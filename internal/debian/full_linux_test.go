package debian

import (
	"crypto/rand"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// smallDisk is a folder on a file system of one megabyte.
func smallDisk(t *testing.T) string {
	t.Helper()
	testgate.NeedRoot(t)
	dir := t.TempDir()
	testgate.Need(t, testgate.Namespaces, syscall.Mount("none", dir, "tmpfs", 0, "size=1m"))
	t.Cleanup(func() {
		err := syscall.Unmount(dir, 0)
		for range 100 { // a killed child closes its files a moment after it is gone
			if err != syscall.EBUSY {
				break
			}
			time.Sleep(10 * time.Millisecond)
			err = syscall.Unmount(dir, 0)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return dir
}

// A full disk is one clear line, and what was there of the entry is removed.
func TestFullDisk(t *testing.T) {
	r := newRepo(t)
	noise := make([]byte, 2<<20)
	_, _ = rand.Read(noise)
	large := r.build("linux-1", "1", map[string]string{"boot/vmlinuz-1": string(noise)})
	zeros := r.build("linux-2", "2", map[string]string{"boot/vmlinuz-2": strings.Repeat("\x00", 4<<20)})
	r.suite("made", "amd64")
	check := func(t *testing.T, archive func() (Archive, error), p Package) {
		c := Cache{smallDisk(t)}
		_, err := c.Kernel(t.Context(), archive, p, member, nil)
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v", err)
		}
		oneLine(t, err, p.Name, "no space left on device", c.Dir, "PAGESLOT_CACHE")
		checkEmpty(t, c)
	}
	t.Run("download", func(t *testing.T) {
		r.both(t, func(t *testing.T, archive func() (Archive, error)) { check(t, archive, large) })
	})
	t.Run("extract", func(t *testing.T) { check(t, r.direct, zeros) })
}

func TestFullDiskTree(t *testing.T) {
	r := newRepo(t)
	zeros := r.build("prog", "2", map[string]string{"usr/bin/prog": strings.Repeat("\x00", 4<<20)})
	r.suite("made", hostArch(t), zeros)
	c := Cache{smallDisk(t)}
	_, err := c.Tree(t.Context(), r.archive, Closure{Suites: []string{"made"}, Packages: []string{"prog"}}, nil)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	oneLine(t, err, "prog", "no space left on device", c.Dir, "PAGESLOT_CACHE")
	checkEmpty(t, c)
}
