package manager

import (
	"errors"
	"fmt"
	"io"

	"github.com/pageslot/pageslot/uffd"
)

// load reads what a range of a segment holds into the buffer. It is less than all
// if the source ends, or fails, after the page that is wanted.
func (s *server) load(seg segment, page, all uffd.Range) ([]byte, error) {
	offset := seg.offset + int64(all.Start-seg.start)
	if !seg.zero && seg.from.viewer != nil {
		if data := seg.from.viewer.View(offset, int(all.Len)); uint64(len(data)) == all.Len {
			return data, nil
		}
	}
	if uint64(len(s.buffer)) < all.Len {
		s.enlarge()
	}
	data := s.buffer[:all.Len]
	if seg.zero {
		clear(data)
		return data, nil
	}
	n, err := seg.from.source.ReadAt(data, offset)
	if n == len(data) {
		return data, nil
	}
	if n < 0 || n > len(data) {
		return nil, fmt.Errorf("the source says that it read %d of %d bytes: %w", n, len(data), errInvalid)
	}
	size := seg.from.page
	whole := uint64(n) / size * size
	end := page.Start + page.Len - all.Start // of the wanted page
	switch {
	case errors.Is(err, io.EOF):
		// As in a mapped file, zeros follow up to the end of the last page.
		if rest := uint64(n) - whole; rest != 0 {
			whole += size
			clear(data[n:whole])
		}
		err = io.ErrUnexpectedEOF
	case err == nil:
		err = io.ErrNoProgress
	}
	if whole < end {
		return nil, fmt.Errorf("the source, for %d bytes at %d: %w", len(data), offset, err)
	}
	return data[:whole], nil
}
