package highlevel

import (
	"fmt"
	"runtime/debug"

	"github.com/pageslot/pageslot/memfd"
)

// restore writes the initial bytes of a slot back in place; dst is the slot's beginning. A
// fault in the copy (no memory for a page that was never touched) is an error and not the
// end of the program.
func restore(dst []byte, image *memfd.Image) (err error) {
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
	start := min(image.Offset(), uint64(len(dst)))
	clear(dst[:start])
	n := copy(dst[start:], src)
	clear(dst[start+uint64(n):])
	return nil
}
