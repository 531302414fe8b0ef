package vm

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// The types of files in the mode of an archive's header. They are the format's,
// not the kernel's, though they are the same.
const (
	cpioDir    = 0o040000
	cpioFile   = 0o100000
	cpioDevice = 0o020000 // a character device
)

// cpioWriter writes an archive of the format that the kernel unpacks into its
// first root file system: cpio "newc". All files belong to root.
type cpioWriter struct {
	w     *bufio.Writer
	n     int64
	inode uint32
	err   error
}

func newCpioWriter(w io.Writer) *cpioWriter { return &cpioWriter{w: bufio.NewWriterSize(w, 1<<20)} }

// header begins an entry. Names have no slash in front.
func (c *cpioWriter) header(name string, mode uint32, size int64, major, minor uint32) {
	if c.err == nil && size > 1<<32-1 {
		c.err = fmt.Errorf("%s has %d bytes, and an initrd has no room for files of 4 GiB", name, size)
	}
	c.inode++
	c.print("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		c.inode, mode, 0, 0, 1, 0, size, 0, 0, major, minor, len(name)+1, 0, name)
	c.pad()
}

func (c *cpioWriter) print(format string, args ...any) {
	if c.err == nil {
		var n int
		n, c.err = fmt.Fprintf(c.w, format, args...)
		c.n += int64(n)
	}
}

// pad fills up to a multiple of four bytes.
func (c *cpioWriter) pad() {
	c.print("%s", "\x00\x00\x00"[:-c.n&3])
}

func (c *cpioWriter) dir(name string, perm uint32) {
	c.header(name, cpioDir|perm, 0, 0, 0)
}

func (c *cpioWriter) device(name string, perm, major, minor uint32) {
	c.header(name, cpioDevice|perm, 0, major, minor)
}

// file copies size bytes from r, which must have exactly as many.
func (c *cpioWriter) file(name string, perm uint32, size int64, r io.Reader) {
	c.header(name, cpioFile|perm, size, 0, 0)
	if c.err != nil {
		return
	}
	n, err := io.Copy(c.w, io.LimitReader(r, size))
	c.n += n
	switch one := make([]byte, 1); {
	case err != nil:
		c.err = err
	case n < size:
		c.err = fmt.Errorf("%s: %w: it became shorter while it was read", name, io.ErrUnexpectedEOF)
	default:
		if n, _ := io.ReadFull(r, one); n > 0 {
			c.err = fmt.Errorf("%s became longer while it was read", name)
		}
	}
	c.pad()
}

// close ends the archive and says what went wrong on the way.
func (c *cpioWriter) close() error {
	c.header("TRAILER!!!", 0, 0, 0, 0)
	return errors.Join(c.err, c.w.Flush())
}
