package hugepages

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/bytesize"
)

// Keeper reserves huge pages for all tests of a process: the kernel takes long to
// find them, where a processor is emulated. The zero Keeper has none.
type Keeper struct {
	mu   sync.Mutex
	kept map[uint64]int // by size
	used map[uint64]int // of them, by tests that run
}

// Need is Reserve, but the pages stay reserved when the test ends, for the next
// one, until Release.
func (k *Keeper) Need(t testing.TB, size uint64, n int, patience time.Duration) error {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.need(t, poolOf(size), size, n, patience)
}

func (k *Keeper) need(t testing.TB, p pool, size uint64, n int, patience time.Duration) error {
	t.Helper()
	if k.kept == nil {
		k.kept, k.used = map[uint64]int{}, map[uint64]int{}
	}
	k.used[size] += n
	t.Cleanup(func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.used[size] -= n
	})
	if missing := k.used[size] - k.kept[size]; missing > 0 {
		got, err := p.add(missing)
		k.kept[size] += max(0, got)
		if err != nil {
			err = fmt.Errorf("reserve %d huge pages of %v: %w", missing, bytesize.Size(size), err)
			if !refused(err) {
				t.Fatal(err)
			}
			return err
		}
	}
	had := min(n, k.kept[size]-(k.used[size]-n)) // less if fewer came
	p.await(had, patience)
	return short(size, n, had)
}

// Release gives all back, after the last test.
func (k *Keeper) Release() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.release(poolOf)
}

func (k *Keeper) release(poolOf func(size uint64) pool) (err error) {
	for size, n := range k.kept {
		if n > 0 {
			_, failed := poolOf(size).add(-n)
			err = errors.Join(err, failed)
		}
	}
	clear(k.kept)
	return err
}
