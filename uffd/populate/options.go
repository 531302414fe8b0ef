package populate

import (
	"fmt"
	"os"

	"github.com/pageslot/pageslot/uffd"
)

// Access is what the pages are asked for.
type Access uint8

const (
	// ForRead asks as a read does (MADV_POPULATE_READ). What is missing in anonymous
	// memory without a userfaultfd is the page of zeros then.
	ForRead Access = iota

	// ForWrite asks as a write does (MADV_POPULATE_WRITE), without changing what is
	// there: a write-protected page waits to be let through, and private memory gets
	// pages of its own.
	ForWrite
)

// String is the constant's name.
func (a Access) String() string {
	switch a {
	case ForRead:
		return "ForRead"
	case ForWrite:
		return "ForWrite"
	}
	return fmt.Sprintf("Access(%d)", uint8(a))
}

// Descriptor is what an error asks a *uffd.Descriptor. One of uffd.FromFD does not
// know whether it is user-mode-only, and says that it is not.
type Descriptor interface {
	UserModeOnly() bool
	Enabled() uffd.Features
}

// Options say how pages are asked for. The zero value is good for most.
type Options struct {
	// Access is ForRead or ForWrite.
	Access Access

	// Chunk is how much to ask for in one call, in bytes; it is rounded up to whole
	// pages. Between chunks the context is looked at. 0 is a megabyte.
	Chunk uint64

	// Descriptor is the one that the memory is registered with, if the error for
	// EFAULT is to name it.
	Descriptor Descriptor
}

const defaultChunk = 1 << 20

var pageSize = uint64(os.Getpagesize())

func (o *Options) chunk() uint64 {
	switch {
	case o.Chunk == 0:
		return max(defaultChunk, pageSize)
	case o.Chunk > -pageSize:
		return -pageSize // rounding up would go round
	}
	return up(o.Chunk)
}

// up is n rounded up to whole pages.
func up(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }
