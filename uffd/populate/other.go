//go:build !linux

package populate

import (
	"context"
	"errors"

	"github.com/pageslot/pageslot/uffd"
)

// Supported is an error here.
func Supported() error { return notLinux(uffd.Range{}) }

// Read asks for pages on Linux; here it fails, as all that follows.
func Read(ctx context.Context, mem []byte) (int, error) { return 0, notLinux(uffd.RangeOf(mem)) }

// Write fails.
func Write(ctx context.Context, mem []byte) (int, error) { return 0, notLinux(uffd.RangeOf(mem)) }

// Do fails without calling f.
func Do(ctx context.Context, mem []byte, o Options, f func(mem []byte) error) error {
	return notLinux(uffd.RangeOf(mem))
}

// Range fails.
func Range(ctx context.Context, r uffd.Range, o Options) (uint64, error) { return 0, notLinux(r) }

func notLinux(r uffd.Range) error {
	return &Error{Op: "asking, on a system that is not Linux,", Range: r, Err: errors.ErrUnsupported}
}
