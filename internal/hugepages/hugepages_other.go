//go:build !linux

package hugepages

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// Folder is none: hugetlbfs is Linux's.
const Folder = ""

// Default is 0: hugetlbfs is Linux's.
func Default() (size uint64, err error) { return 0, nil }

// Sizes finds none: hugetlbfs is Linux's.
func Sizes(string) ([]uint64, error) { return nil, nil }

// Free is 0: hugetlbfs is Linux's.
func Free(uint64) (int, error) { return 0, nil }

// Reserve finds none: hugetlbfs is Linux's.
func Reserve(_ testing.TB, size uint64, n int, _ time.Duration) error {
	return fmt.Errorf("reserve %d huge pages of %d bytes: %w", n, size, errors.ErrUnsupported)
}

// Keeper keeps none.
type Keeper struct{}

// Need finds none: hugetlbfs is Linux's.
func (*Keeper) Need(t testing.TB, size uint64, n int, patience time.Duration) error {
	return Reserve(t, size, n, patience)
}

// Release has nothing to give back.
func (*Keeper) Release() error { return nil }
