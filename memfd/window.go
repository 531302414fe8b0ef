package memfd

import (
	"fmt"
	"math"
	"os"
)

// Window is another image over the same file: the bytes [from, to) of im, as
// the initial contents of a memory that shows them at the offset at. All three
// are multiples of the page size (ErrAlign). What of the range lies outside im's
// pages is zeros there too, and the new image is trimmed as any other.
//
// The two are independent: each is closed on its own, and the file goes with
// the last. One file for all memories of a module is one descriptor instead of
// many.
func (im *Image) Window(from, to, at uint64) (*Image, error) {
	fail := func(err error) (*Image, error) {
		return nil, im.fail("window", fmt.Sprintf("[%#x, %#x) at %#x", from, to, at), err)
	}
	page := uint64(os.Getpagesize())
	switch {
	case from > to, to > math.MaxInt64, at > math.MaxInt64-(to-from):
		return fail(ErrRange)
	case from%page != 0, to%page != 0, at%page != 0:
		return fail(fmt.Errorf("%w of %d", ErrAlign, page))
	}
	// Retained, the image cannot be closed, so its file has at least one user
	// when the window becomes another.
	if err := im.Retain(); err != nil {
		return nil, err
	}
	defer im.Release()

	w := &Image{name: im.name}
	lo, hi := max(from, im.offset), min(to, im.End())
	if lo >= hi {
		return w, nil
	}
	start := uint64(im.fileOffset) + lo - im.offset // of lo, in the file
	w.data = within(im.data, start, start+hi-lo)
	if len(w.data) == 0 {
		return w, nil
	}
	first, last := w.data[0], w.data[len(w.data)-1]
	w.offset = at + (lo - from) + (first.start - start)
	w.length = last.end - first.start
	w.fileOffset = int64(first.start)
	w.file = im.file
	w.file.images.Add(1)
	return w, nil
}
