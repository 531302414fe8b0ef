package manager

import (
	"bytes"
	"io"
)

// Viewer is a [Region]'s Source that has its contents in memory. What it shows is
// copied into the process from where it lies, and not into the Manager's buffer
// first, which at a page of 4 KiB is a noticeable part of a fault.
type Viewer interface {
	io.ReaderAt

	// View is n bytes from off on, or fewer where they are not all in memory in
	// one piece: then ReadAt is asked. They must stay as they are until the next
	// call.
	View(off int64, n int) []byte
}

// Bytes is a Source of contents that lie in memory, such as a mapping of a file.
type Bytes []byte

var _ Viewer = Bytes(nil)

// ReadAt is that of a bytes.Reader.
func (b Bytes) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(b).ReadAt(p, off) }

// View is the bytes themselves.
func (b Bytes) View(off int64, n int) []byte {
	if off < 0 || off > int64(len(b)) {
		return nil
	}
	rest := b[off:]
	return rest[:min(max(n, 0), len(rest))]
}
