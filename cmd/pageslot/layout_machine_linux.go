package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/sys"
)

// thisMachine asks this process's kernel.
func thisMachine() machine {
	m := machine{
		pageSize:    uint64(os.Getpagesize()),
		maxMappings: -1,
		mappings:    -1,
		top:         userAddresses(),
		try:         tryMap,
	}
	if b, err := os.ReadFile("/proc/sys/vm/max_map_count"); err == nil {
		if n, err := strconv.Atoi(string(bytes.TrimSpace(b))); err == nil {
			m.maxMappings = n
		}
	}
	if b, err := os.ReadFile("/proc/self/maps"); err == nil {
		m.mappings = bytes.Count(b, []byte("\n"))
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &limit) == nil && limit.Cur != unix.RLIM_INFINITY {
		m.limit = limit.Cur
	}
	return m
}

const planFlags = sys.MAP_PRIVATE | sys.MAP_ANONYMOUS | sys.MAP_NORESERVE

// tryMap maps what the slabs take, all at once, and gives it back.
func tryMap(slabs []highlevel.Slab) error {
	mapped := make([]uintptr, 0, len(slabs))
	defer func() {
		for i, addr := range mapped {
			_ = sys.Munmap(addr, uintptr(slabs[i].Bytes))
		}
	}()
	for i, s := range slabs {
		addr, err := sys.Mmap(0, uintptr(s.Bytes), sys.PROT_NONE, planFlags, -1, 0)
		if err != nil {
			return fmt.Errorf("mmap of slab %d, %d bytes: %w", i, s.Bytes, err)
		}
		mapped = append(mapped, addr)
	}
	return nil
}

// userAddresses asks the kernel where the addresses end at which it maps for
// those who ask for no address.
func userAddresses() uint64 {
	page := uintptr(os.Getpagesize())
	somewhere := uint64(0) // near the top, on most systems
	if addr, err := sys.Mmap(0, page, sys.PROT_NONE, planFlags, -1, 0); err == nil {
		somewhere = uint64(addr)
		_ = sys.Munmap(addr, page)
	}
	return topOf(somewhere, func(addr uint64) bool { return isUserAddress(addr, page) })
}

// topOf returns the end of user addresses, given one of them and a way to ask
// about others: a power of two, or below 4 GiB a number of GiB. It asks for
// nothing beyond 47 bits: some kernels map there, but only for those who ask
// by address, so a pool gets none of it.
func topOf(known uint64, isUser func(addr uint64) bool) uint64 {
	for b := 46; b >= 32 && known < 1<<b; b-- {
		if isUser(1 << b) {
			known = 1 << b
		}
	}
	if known >= 1<<32 {
		return 1 << bits.Len64(known)
	}
	for g := uint64(3); g > 0 && known < g<<30; g-- {
		if isUser(g << 30) {
			known = g << 30
		}
	}
	return (known>>30 + 1) << 30
}

// isUserAddress tells whether a page at addr is free for this process, or
// taken by it.
func isUserAddress(addr uint64, page uintptr) bool {
	if uint64(uintptr(addr)) != addr {
		return false
	}
	got, err := sys.Mmap(uintptr(addr), page, sys.PROT_NONE, planFlags|sys.MAP_FIXED_NOREPLACE, -1, 0)
	if err != nil {
		return errors.Is(err, unix.EEXIST)
	}
	_ = sys.Munmap(got, page)
	return uint64(got) == addr // before 4.17 the flag means nothing, and addr is a hint
}
