package program

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A Segment is a run of bytes of the file and where in memory it goes.
type Segment struct {
	Offset uint64 // from the start of the memory
	Data   []byte
}

// A Program is the memory that a file describes. It begins at 0; what no
// segment covers is zero.
type Program struct {
	Format   string    // what the file was read as: "ELF64 x86-64", "raw"
	Segments []Segment // by rising offset, none empty, none overlaps another
	Size     uint64    // bytes of memory; zeros behind the last segment count
}

// An Error says what is wrong with a file. It is one line.
type Error struct {
	File string
	Err  error
}

func (e *Error) Error() string { return e.File + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var errEmpty = errors.New("it is empty")

// Open reads a file as a program of at most limit bytes, for memory in pages of
// the given size. An ELF file begins at the page of its lowest segment; any
// other file at 0. All errors are an *Error.
func Open(name string, page, limit uint64) (*Program, error) {
	p, err := open(name, page, limit)
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = fmt.Errorf("%s: %w", path.Op, path.Err) // the name stands in front already
		}
		return nil, &Error{name, err}
	}
	return p, nil
}

func open(name string, page, limit uint64) (*Program, error) {
	// Asked before opening, for opening a pipe that nobody writes to waits.
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case info.IsDir():
		return nil, errors.New("it is a directory")
	case !info.Mode().IsRegular():
		return nil, errors.New("it is not a regular file, and it has to be read twice")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, info.Size(), page, limit)
}

// Read is Open for a file of the given size that is open already.
func Read(r io.ReaderAt, size int64, page, limit uint64) (*Program, error) {
	if size <= 0 {
		return nil, errEmpty
	}
	magic := make([]byte, min(size, 4))
	if err := readAt(r, magic, 0); err != nil {
		return nil, err
	}
	if bytes.Equal(magic, []byte("\x7fELF")) {
		return readELF(r, size, page, limit)
	}
	if uint64(size) > limit {
		return nil, fmt.Errorf("it has %d bytes, and a slot takes at most %d", size, limit)
	}
	data := make([]byte, size)
	if err := readAt(r, data, 0); err != nil {
		return nil, err
	}
	return &Program{Format: "raw", Segments: []Segment{{0, data}}, Size: uint64(size)}, nil
}

// readAt fills p. A file that ends too early has been cut off meanwhile.
func readAt(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("reading %d bytes at %d: %w", len(p), off, err)
}
