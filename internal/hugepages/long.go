package hugepages

import (
	"fmt"

	"github.com/pageslot/pageslot/internal/bytesize"
)

// quick is the size up to which filling a few pages takes no time to speak of. An
// emulated processor needs minutes for those of 16 or 32 MiB.
const quick = 4 << 20

// Long tells whether tests that fill huge pages of this size are to be left out
// with -short, and why: what testgate.NeedLong wants to know.
func Long(size uint64) (why string, long bool) {
	if size <= quick {
		return "", false
	}
	return fmt.Sprintf("huge pages of %v take long to fill: run without -short", bytesize.Size(size)), true
}
