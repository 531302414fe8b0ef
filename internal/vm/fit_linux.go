package vm

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
)

// fitting is an open file with what write writes. If that is more than limit, which
// 0 is not, the file is compressed, and if that does not suffice there is none.
func fitting(limit int64, write func(io.Writer) error) (*os.File, error) {
	f, size, err := nameless(write)
	if err != nil || limit == 0 || size <= limit {
		return f, err
	}
	defer f.Close()
	small, packed, err := nameless(func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
		if err != nil {
			return err
		}
		_, err = io.Copy(z, io.NewSectionReader(f, 0, size))
		return errors.Join(err, z.Close())
	})
	if err != nil {
		return nil, err
	}
	if packed > limit {
		small.Close()
		return nil, fmt.Errorf("the initrd has %d bytes, compressed %d, and the machine can load %d: give it fewer programs and files at once", size, packed, limit)
	}
	return small, nil
}

// nameless is an open file without a name, so that nothing is left of it however
// this process ends, and how long it is.
func nameless(write func(io.Writer) error) (*os.File, int64, error) {
	f, err := os.CreateTemp("", "pageslot-initrd-*")
	if err != nil {
		return nil, 0, err
	}
	size := int64(0)
	if err = errors.Join(os.Remove(f.Name()), write(f)); err == nil {
		size, err = f.Seek(0, io.SeekCurrent)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}
