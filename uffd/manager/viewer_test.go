package manager

import (
	"bytes"
	"io"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

// counted counts what is asked of it.
type counted struct {
	Bytes
	views, reads int
}

func (c *counted) View(off int64, n int) []byte {
	c.views++
	return c.Bytes.View(off, n)
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.reads++
	return c.Bytes.ReadAt(p, off)
}

// Whole granules are taken from where they lie; the last part of a source, behind
// which zeros follow, is read, and so is what was given up.
func TestViewer(t *testing.T) {
	p := systemPage
	contents := bytes.Repeat([]byte("viewed, "), int(p)/8*4)
	source := &counted{Bytes: contents[:3*p+8]}
	seg, err := Region{Range: uffd.Range{Start: 16 * p, Len: 4 * p}, Source: source}.segment()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{buffer: make([]byte, 4*p)}
	all := uffd.Range{Start: 17 * p, Len: 2 * p}
	data, err := s.load(seg, uffd.Range{Start: 17 * p, Len: p}, all)
	if err != nil || &data[0] != &source.Bytes[p] || uint64(len(data)) != all.Len || source.reads != 0 {
		t.Errorf("%d bytes, %v, after %d reads: not the source's own", len(data), err, source.reads)
	}
	last := uffd.Range{Start: 19 * p, Len: p}
	want := append([]byte("viewed, "), make([]byte, p-8)...)
	if data, err := s.load(seg, last, last); err != nil || !bytes.Equal(data, want) || source.reads != 1 {
		t.Errorf("the end: %q..., %v, after %d reads", data[:16], err, source.reads)
	}
	seg.zero = true
	source.views = 0
	if data, err := s.load(seg, last, last); err != nil || !bytes.Equal(data, make([]byte, p)) || source.views != 0 {
		t.Errorf("given up: %q..., %v, after %d views", data[:16], err, source.views)
	}
}

func TestBytes(t *testing.T) {
	b := Bytes("abcdef")
	for _, test := range []struct {
		off  int64
		n    int
		want string
	}{{0, 6, "abcdef"}, {2, 2, "cd"}, {4, 9, "ef"}, {6, 1, ""}, {7, 1, ""}, {-1, 3, ""}, {0, -1, ""}} {
		if got := b.View(test.off, test.n); string(got) != test.want {
			t.Errorf("%d bytes from %d: %q, want %q", test.n, test.off, got, test.want)
		}
	}
	p := make([]byte, 4)
	if n, err := b.ReadAt(p, 4); n != 2 || err != io.EOF {
		t.Errorf("ReadAt: %d, %v", n, err)
	}
	if n, err := b.ReadAt(p, -1); n != 0 || err == nil {
		t.Errorf("ReadAt -1: %d, %v", n, err)
	}
}
