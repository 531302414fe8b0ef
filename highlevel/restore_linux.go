package highlevel

import (
	"fmt"
	"runtime/debug"

	"github.com/pageslot/pageslot/memfd"
)

// restore writes the initial bytes of a slot back in place; dst is at off in the slot. A fault in the copy (no memory for a page that was never touched) is an
// error and not the end of the program.
func restore(dst []byte, off uint64, image *memfd.Image) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("fault while copying: %v", r)
		}
	}()
	if image == nil {
		clear(dst)
		return nil
	}
	src, err := image.Source()
	if err != nil {
		return err
	}
	end := off + uint64(len(dst))
	from, to := clamp(image.Offset(), off, end), clamp(image.End(), off, end)
	clear(dst[:from-off])
	if from < to {
		copy(dst[from-off:to-off], src[from-image.Offset():])
	}
	clear(dst[to-off:])
	return nil
}

func clamp(x, lo, hi uint64) uint64 { return min(max(x, lo), hi) }
