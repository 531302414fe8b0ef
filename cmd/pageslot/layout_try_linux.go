package main

import (
	"fmt"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/sys"
)

// tryMap maps what the slabs take, all at once, and gives it back.
func tryMap(slabs []highlevel.Slab) error {
	mapped := make([]uintptr, 0, len(slabs))
	defer func() {
		for i, addr := range mapped {
			_ = sys.Munmap(addr, uintptr(slabs[i].Bytes))
		}
	}()
	for i, s := range slabs {
		addr, err := sys.Mmap(0, uintptr(s.Bytes), sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_NORESERVE, -1, 0)
		if err != nil {
			return fmt.Errorf("mmap of slab %d, %d bytes: %w", i, s.Bytes, err)
		}
		mapped = append(mapped, addr)
	}
	return nil
}
