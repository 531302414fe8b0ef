package uffd

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
)

// A source that cannot be read ends a copy where it begins.
func TestCopyUnreadable(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{}), anonymous(t, 4)
	register(t, d, a, ModeMissing)
	source := anonymous(t, 4)
	source.mem[0], source.mem[page] = 1, 2
	if err := sys.Mprotect(uintptr(source.addr(2)), 2*page, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	n, err := d.Copy(a.addr(2), source.mem[2*page:], 0)
	if n != 0 {
		t.Errorf("%d bytes", n)
	}
	want(t, err, unix.EFAULT, nil, opCopy, a.pages(2, 2).String())
	a.missing(t)

	n, err = d.Copy(a.Start, source.mem, 0)
	if n != 2*int(page) {
		t.Errorf("%d bytes, want two pages", n)
	}
	want(t, err, unix.EAGAIN, nil, opCopy)
	n, err = d.CopyAll(a.addr(2), source.mem[2*page:], 0, Retry{})
	if n != 0 {
		t.Errorf("%d bytes", n)
	}
	want(t, err, unix.EFAULT, nil, opCopy)
}

// The source of a copy may begin anywhere; nil and empty ones are ranges without a
// length.
func TestCopySources(t *testing.T) {
	clean(t)
	d, a := mustOpen(t, Options{}), anonymous(t, 4)
	register(t, d, a, ModeMissing)
	for _, src := range [][]byte{nil, {}, make([]byte, 0, page)} {
		n, err := d.Copy(a.Start, src, 0)
		if n != 0 {
			t.Errorf("%d bytes", n)
		}
		want(t, err, unix.EINVAL, nil, opCopy, "empty")
	}
	for i, from := range []int{0, 1, 7, int(page) - 1} {
		src := make([]byte, 2*page)
		for j := range src {
			src[j] = byte(j * 7)
		}
		if n, err := d.Copy(a.addr(i), src[from:][:page], 0); n != int(page) || err != nil {
			t.Errorf("from byte %d: %d, %v", from, n, err)
		}
	}
	if err := d.Unregister(a.Range); err != nil {
		t.Fatal(err)
	}
	for i, from := range []int{0, 1, 7, int(page) - 1} {
		for j, b := range a.mem[i*int(page):][:page] {
			if b != byte((from+j)*7) {
				t.Fatalf("page %d, byte %d: %d", i, j, b)
			}
		}
	}
}

// What the file does not have cannot be mapped.
func TestContinueErrors(t *testing.T) {
	clean(t)
	d := mustOpen(t, Options{Required: FeatureMinorShmem})
	a := file(t, 4)
	populate(t, a)
	register(t, d, a, ModeMinor)
	if err := unix.Fallocate(a.fd, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, int64(page), int64(page)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Ftruncate(a.fd, int64(3*page)); err != nil {
		t.Fatal(err)
	}
	n, err := d.Continue(a.pages(1, 1), 0)
	if n != 0 {
		t.Errorf("%d bytes", n)
	}
	want(t, err, unix.EFAULT, nil, opContinue, a.pages(1, 1).String())
	// Beyond the end it is EFAULT on old kernels, and EINVAL since.
	if n, err := d.Continue(a.pages(3, 1), 0); n != 0 || err == nil {
		t.Errorf("beyond the end of the file: %d, %v", n, err)
	}
	if n, err := d.Continue(a.Range, 0); n != pageSize || err == nil {
		t.Errorf("over the hole: %d, %v", n, err)
	}
	if n, err := d.Continue(a.pages(0, 1), 0); n != 0 || err == nil {
		t.Errorf("again: %d, %v", n, err)
	} else {
		want(t, err, unix.EEXIST, ErrExists, opContinue)
	}
}

func TestMoveErrors(t *testing.T) {
	clean(t)
	d := mustOpen(t, Options{Required: FeatureMove})
	other := mustOpen(t, Options{})
	dst, src, foreign, shared := anonymous(t, 4), anonymous(t, 4), anonymous(t, 1), file(t, 1)
	register(t, d, dst, ModeMissing)
	register(t, d, shared, ModeMissing)
	register(t, other, foreign, ModeMissing)
	readOnly := anonymous(t, 1)
	readOnly.mem[0] = 1
	if err := unix.Mprotect(readOnly.mem, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	hole := gap(t)
	for i := range 3 { // page 3 stays a hole
		src.mem[i*int(page)] = byte(i + 1)
	}
	for name, test := range map[string]struct {
		dst, src, length uint64
		flags            Flags
		err, kind        error
		words            string
	}{
		"source not mapped":                {dst.Start, hole.addr(3), pageSize, 0, unix.ENOENT, ErrLayout, ""},
		"source missing":                   {dst.Start, src.addr(3), pageSize, 0, unix.ENOENT, ErrLayout, ""},
		"source unaligned":                 {dst.Start, src.Start + 1, pageSize, 0, unix.EINVAL, nil, "source"},
		"source beyond all":                {dst.Start, -pageSize, 2 * pageSize, 0, unix.EINVAL, nil, "source"},
		"source shared":                    {dst.Start, shared.Start, pageSize, 0, unix.EINVAL, nil, ""},
		"source read-only":                 {dst.Start, readOnly.Start, pageSize, 0, unix.EINVAL, nil, ""},
		"target not mapped":                {hole.addr(3), src.Start, pageSize, 0, unix.ENOENT, ErrLayout, ""},
		"target not registered":            {hole.addr(0), src.Start, pageSize, 0, nil, nil, ""},
		"target is another descriptor's":   {foreign.Start, src.Start, pageSize, 0, nil, nil, ""},
		"target shared":                    {shared.Start, src.Start, pageSize, 0, nil, nil, ""},
		"target read-only, not registered": {readOnly.Start, src.Start, pageSize, 0, nil, nil, ""},
		"longer than the target":           {dst.addr(3), src.Start, 2 * pageSize, 0, nil, nil, ""},
	} {
		n, err := d.Move(test.dst, test.src, test.length, test.flags)
		if n != 0 || err == nil {
			t.Errorf("%s: %d, %v", name, n, err)
			continue
		}
		if test.err != nil {
			want(t, err, test.err, test.kind, opMove, Range{test.dst, test.length}.String(), Range{test.src, test.length}.String(), test.words)
		}
	}
	dst.missing(t)
	// Holes count as moved if they may be there.
	if n, err := d.Move(dst.addr(2), src.addr(2), 2*pageSize, AllowHoles); n != 2*pageSize || err != nil {
		t.Errorf("with a hole: %d, %v", n, err)
	}
	if !dst.there(t, 2) || dst.there(t, 3) || src.there(t, 2) {
		t.Errorf("target %#x, source %#x", dst.state(t), src.state(t))
	}
	// A page that a forked process shares cannot be taken away.
	needRaw(t)
	word := anonymous(t, 1)
	child, err := rawproc.Fork(rawproc.Await(word.Start, 1)) // it never is: the word is a copy
	if err != nil {
		t.Fatal(err)
	}
	defer child.Kill()
	awaitPid(t, child)
	n, err := d.Move(dst.Start, src.Start, pageSize, 0)
	if n != 0 {
		t.Errorf("%d bytes", n)
	}
	want(t, err, unix.EBUSY, nil, opMove)
}
