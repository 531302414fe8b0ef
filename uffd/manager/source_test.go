package manager

import (
	"encoding/binary"
	"io"
)

// patternSource holds at each multiple of 8 a number that no other place holds.
type patternSource struct{ salt uint64 }

// word is what lies at the offset, a multiple of 8. It is never zero.
func (s patternSource) word(offset uint64) uint64 {
	return (offset+s.salt<<48+8)*0x9e3779b97f4a7c15 | 1
}

func (s patternSource) ReadAt(p []byte, offset int64) (int, error) {
	for i := 0; i+8 <= len(p); i += 8 {
		binary.NativeEndian.PutUint64(p[i:], s.word(uint64(offset)+uint64(i)))
	}
	return len(p), nil
}

// failing is a source that cannot be read.
type failing struct{ err error }

func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// sometimes is a source that cannot be read while it is broken.
type sometimes struct {
	patternSource
	broken *bool
}

func (s sometimes) ReadAt(p []byte, offset int64) (int, error) {
	if *s.broken {
		return 0, io.ErrUnexpectedEOF
	}
	return s.patternSource.ReadAt(p, offset)
}
