package memfd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/testgate"
)

var page = uint64(os.Getpagesize())

// unique is a name for the files of one test, and fails the test at its end if a
// descriptor or a mapping of such a file is left.
func unique(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test-%d-%s", os.Getpid(), strings.NewReplacer("/", "-", " ", "_").Replace(t.Name()))
	name = name[:min(len(name), 200)]
	t.Cleanup(func() {
		if left := leaks(t, name); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return name
}

// leaks lists what of this process refers to a file of the given name.
func leaks(t testing.TB, name string) []string {
	t.Helper()
	want := "/memfd:" + name + " "
	var left []string
	fds, err := os.ReadDir("/proc/self/fd")
	testgate.Need(t, testgate.Proc, unsupportedIfMissing(err))
	for _, fd := range fds {
		link, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name()))
		if err == nil && strings.HasPrefix(link+" ", want) {
			left = append(left, "descriptor "+fd.Name())
		}
	}
	for _, v := range vmas(t) {
		if strings.HasPrefix(v.Path+" ", want) {
			left = append(left, fmt.Sprintf("mapping %#x", v.Start))
		}
	}
	return left
}

func unsupportedIfMissing(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

func vmas(t testing.TB) []procmaps.VMA {
	t.Helper()
	f, err := os.Open("/proc/self/maps")
	testgate.Need(t, testgate.Proc, unsupportedIfMissing(err))
	defer f.Close()
	all, err := procmaps.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// stat is fstat of an image's file.
func stat(t testing.TB, im *Image) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(im.Fd(), &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// checkImage compares an image with the memory that it should describe, in all
// ways of looking at it, and checks what holds for every open image.
func checkImage(t testing.TB, im *Image, want []byte) {
	t.Helper()
	nonzero := func(b []byte) bool { return len(bytes.Trim(b, "\x00")) != 0 }

	// Trimmed, and no more than that.
	if im.Len() == 0 {
		if nonzero(want) || im.Fd() != -1 || im.Offset() != 0 || im.End() != 0 || im.DataLen() != 0 {
			t.Errorf("%v: descriptor %d, [%#x, %#x), data %d; wanted zeros: %v", im, im.Fd(), im.Offset(), im.End(), im.DataLen(), !nonzero(want))
		}
		return
	}
	switch {
	case im.Offset()%page != 0 || im.Len()%page != 0 || uint64(im.FileOffset())%page != 0:
		t.Fatalf("%v: file offset %#x: not aligned", im, im.FileOffset())
	case im.End() != im.Offset()+im.Len() || im.End() > uint64(len(want))+page:
		t.Fatalf("%v: ends at %#x; the memory has %#x bytes", im, im.End(), len(want))
	case im.Users() < 0 || im.users.Load() < 0:
		t.Fatalf("%v: %d users", im, im.users.Load())
	}
	memory := make([]byte, max(uint64(len(want)), im.End()))
	copy(memory, want)
	own := memory[im.Offset():im.End()]
	if nonzero(memory[:im.Offset()]) || nonzero(memory[im.End():]) {
		t.Fatalf("%v lacks a byte", im)
	}
	if !nonzero(own[:page]) || !nonzero(own[len(own)-int(page):]) {
		t.Errorf("%v begins or ends with a page of zeros", im)
	}

	// The kernel's view of the file.
	st := stat(t, im)
	if im.FileOffset() < 0 || uint64(im.FileOffset())+im.Len() > uint64(st.Size) {
		t.Errorf("%v: file bytes [%#x, %#x) of %#x", im, im.FileOffset(), uint64(im.FileOffset())+im.Len(), st.Size)
	}
	seals, err := im.file.Seals()
	if err != nil || seals&ImageSeals != ImageSeals || seals&SealFutureWrite != 0 {
		t.Errorf("seals %v, %v", seals, err)
	}
	var data uint64
	for start := uint64(0); start < im.Len(); start += page {
		if nonzero(own[start : start+page]) {
			data += page
		}
	}
	if im.DataLen() != data {
		t.Errorf("%v: %d bytes in pages of data, counted %d", im, im.DataLen(), data)
	}

	// The bytes, through the file and through a mapping.
	got := bytes.Repeat([]byte{0xaa}, len(memory))
	if n, err := im.ReadAt(got, 0); n != len(got) || err != nil || !bytes.Equal(got, memory) {
		t.Errorf("%v: ReadAt gives other bytes (%d of %d, %v)", im, n, len(got), err)
	}
	f, err := im.file.MapPrivate(im.FileOffset(), int(im.Len()), ProtRead|ProtWrite)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(f.Bytes(), own) {
		t.Errorf("%v: a private mapping has other bytes", im)
	}
	f.Bytes()[0]++
	source, err := im.Source()
	if err != nil || !bytes.Equal(source, own) {
		t.Errorf("%v: the source has other bytes (%d of %d, %v)", im, len(source), len(own), err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func closeImage(t testing.TB, im *Image) {
	t.Helper()
	if err := im.Close(); err != nil {
		t.Error(err)
	}
}
