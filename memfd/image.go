package memfd

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"sync/atomic"
)

// Image is the initial contents of memories: some pages of a sealed file, and
// zeros everywhere else. Its methods may be called from several goroutines at
// once.
//
// Offsets are those of the memory, and zeros without end follow the last byte.
type Image struct {
	name       string
	offset     uint64
	length     uint64
	fileOffset int64
	data       []span      // the pages that are not zero, in the file's offsets
	file       *sharedFile // nil if length is 0

	// users counts those who retain the image; closedImage after Close.
	users      atomic.Int64
	unbalanced atomic.Bool

	mu     sync.Mutex // guards making and unmapping source
	source atomic.Pointer[Mapping]
}

const closedImage = math.MinInt64

// sharedFile is closed with the last image that shows a window of it.
type sharedFile struct {
	*File
	images atomic.Int32
}

// NewImage builds an image from segments, which may come in any order and are
// not kept. It checks all of them before it does anything:
//
//   - A segment must end at or before the limit (ErrRange); so must an empty
//     one begin, which counts for nothing else.
//   - No two may overlap (ErrOverlap), unless options say that the later wins.
//   - Without segments, or with nothing but zeros in them, the image is valid:
//     Len is 0, it has no file, and there is nothing to map.
//
// Pages of os.Getpagesize() that hold only zeros are neither kept at the two
// ends nor written in between. The file is sealed with [ImageSeals] in one call,
// and the kernel is asked whether it is. An error leaves nothing behind.
func NewImage(segments []Segment, options ImageOptions) (*Image, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, &Error{Op: "image", Name: o.Name, Err: err}
	}
	c, err := plan(segments, o.Limit, o.LaterWins, uint64(os.Getpagesize()))
	if err != nil {
		return nil, &Error{Op: "image", Name: o.Name, Err: err}
	}
	return c.build(o.Name)
}

// NewImageFromPages builds an image from whole pages of options.PageSize bytes,
// in any order. Each must have exactly that many bytes (ErrRange) and may be
// given once (ErrOverlap), unless options say that the later wins. All else is
// as with [NewImage]; errors count pages as segments.
func NewImageFromPages(pages []Page, options ImageOptions) (*Image, error) {
	o, err := options.withDefaults()
	if err != nil {
		return nil, &Error{Op: "image", Name: o.Name, Err: err}
	}
	segments, err := fromPages(pages, o.PageSize)
	if err != nil {
		return nil, &Error{Op: "image", Name: o.Name, Err: err}
	}
	return NewImage(segments, o)
}

// build makes the file.
func (c *contents) build(name string) (im *Image, err error) {
	im = &Image{name: name, offset: c.offset(), length: c.end() - c.offset()}
	if im.length == 0 {
		return im, nil
	}
	f, err := Create(name, AllowSealing)
	if err != nil {
		return nil, err
	}
	if err := c.fill(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	im.file = &sharedFile{File: f}
	im.file.images.Store(1)
	im.data = make([]span, len(c.data))
	for i, d := range c.data {
		im.data[i] = span{d.start - im.offset, d.end - im.offset}
	}
	return im, nil
}

// fill writes the file and seals it.
func (c *contents) fill(f *File) error {
	origin := c.offset()
	if err := f.Truncate(int64(c.end() - origin)); err != nil {
		return err
	}
	err := c.pieces(func(offset uint64, data []byte) error {
		_, err := f.WriteAt(data, int64(offset-origin))
		return err
	})
	if err != nil {
		return err
	}
	if err := f.AddSeals(ImageSeals); err != nil {
		return err
	}
	got, err := f.Seals()
	if err == nil && got&ImageSeals != ImageSeals {
		err = &Error{Op: "image", Name: f.Name(), Err: fmt.Errorf("has the seals %v after %v were added", got, ImageSeals)}
	}
	return err
}

// Name is the name of the image's file.
func (im *Image) Name() string { return im.name }

// Offset is where the first page begins that is not all zeros, a multiple of
// the page size; 0 if there is none.
func (im *Image) Offset() uint64 { return im.offset }

// Len is the length in bytes of what is to be mapped, a multiple of the page
// size: up to the end of the last page that is not all zeros. It is 0 for an
// image of zeros.
func (im *Image) Len() uint64 { return im.length }

// End is Offset plus Len.
func (im *Image) End() uint64 { return im.offset + im.length }

// DataLen is how many of the Len bytes are in pages that are not all zeros: the
// memory that the file takes before holes are read.
func (im *Image) DataLen() uint64 {
	var n uint64
	for _, d := range im.data {
		n += d.end - d.start
	}
	return n
}

// FileOffset is where the byte at Offset is in the file.
func (im *Image) FileOffset() int64 { return im.fileOffset }

// Fd is the number of the file's descriptor, -1 if Len is 0 or after Close. It
// is valid while the image is retained. Other images may have the same.
func (im *Image) Fd() int {
	if im.file == nil || im.users.Load() < 0 {
		return -1
	}
	return im.file.Fd()
}

// String describes the image for people.
func (im *Image) String() string {
	if im.length == 0 {
		return fmt.Sprintf("image %q of zeros", im.name)
	}
	return fmt.Sprintf("image %q [%#x, %#x) with %d bytes of data", im.name, im.offset, im.End(), im.DataLen())
}

// ReadAt fills p with the bytes at off of the memory that the image describes:
// it is always full and there is no end, since zeros follow. Errors: ErrRange
// for a negative offset or a range past 2^63, ErrClosed.
func (im *Image) ReadAt(p []byte, off int64) (n int, err error) {
	if im.users.Load() < 0 {
		return 0, im.fail("read", "", ErrClosed)
	}
	if off < 0 || off > math.MaxInt64-int64(len(p)) {
		return 0, im.fail("read", fmt.Sprintf("of %d bytes at %d", len(p), off), ErrRange)
	}
	begin, end := uint64(off), uint64(off)+uint64(len(p))
	from, to := max(begin, im.offset), min(end, im.End())
	if from >= to {
		clear(p)
		return len(p), nil
	}
	clear(p[:from-begin])
	n, err = im.file.ReadAt(p[from-begin:to-begin], im.fileOffset+int64(from-im.offset))
	if err != nil {
		return int(from-begin) + n, err
	}
	clear(p[to-begin:])
	return len(p), nil
}

// Source is a mapping of the Len bytes for reading, which begins with the byte
// at Offset. It is made once, at the first call, and lives until Close: retain
// the image while using it. Errors: those of mmap(2), ErrClosed.
func (im *Image) Source() ([]byte, error) {
	if m := im.source.Load(); m != nil {
		return m.Bytes(), nil
	}
	im.mu.Lock()
	defer im.mu.Unlock()
	if im.users.Load() < 0 {
		return nil, im.fail("source", "", ErrClosed)
	}
	if im.length == 0 {
		return []byte{}, nil
	}
	if m := im.source.Load(); m != nil {
		return m.Bytes(), nil
	}
	if im.length > math.MaxInt {
		return nil, im.fail("source", fmt.Sprintf("of %d bytes", im.length), ErrRange)
	}
	// Private, because before Linux 6.7 a file sealed against writing cannot be
	// mapped shared, not even for reading.
	m, err := im.file.MapPrivate(im.fileOffset, int(im.length), ProtRead)
	if err != nil {
		return nil, err
	}
	im.source.Store(m)
	return m.Bytes(), nil
}

func (im *Image) fail(op, detail string, err error) error {
	return &Error{Op: op, Name: im.name, Detail: detail, Err: err}
}
