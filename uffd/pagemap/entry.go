package pagemap

import (
	"fmt"

	"github.com/pageslot/pageslot/internal/bitnames"
)

// Entry is the word that the page map has for a page. Kernels put into it what they
// know: a bit that is 0 may mean that the kernel is too old for it.
type Entry uint64

// The bits of an Entry. No header has them: the kernel's text on the page map does
// (Documentation/admin-guide/mm/pagemap.rst, proc_pid_pagemap(5)).
const (
	entrySoftDirty Entry = 1 << 55
	entryExclusive Entry = 1 << 56
	entryProtected Entry = 1 << 57
	entryGuard     Entry = 1 << 58
	entryFile      Entry = 1 << 61
	entrySwapped   Entry = 1 << 62
	entryPresent   Entry = 1 << 63

	entryFrame    Entry = 1<<55 - 1 // of a page that is present
	entrySwapArea Entry = 1<<5 - 1  // of one that is swapped; the rest of the frame's bits is where in the area
)

var entryNames = []bitnames.Name{
	{Bit: uint64(entryPresent), Name: "PRESENT"},
	{Bit: uint64(entrySwapped), Name: "SWAPPED"},
	{Bit: uint64(entryFile), Name: "FILE"},
	{Bit: uint64(entryGuard), Name: "GUARD"},
	{Bit: uint64(entryProtected), Name: "UFFD"},
	{Bit: uint64(entryExclusive), Name: "EXCLUSIVE"},
	{Bit: uint64(entrySoftDirty), Name: "SOFT_DIRTY"},
}

func (e Entry) has(bit Entry) bool { return e&bit != 0 }

// Present tells whether the page is mapped.
func (e Entry) Present() bool { return e.has(entryPresent) }

// Swapped tells whether the page is in swap space or on the move. A guard region
// and a mark of write-protection on a page that is not there can count, too.
func (e Entry) Swapped() bool { return e.has(entrySwapped) }

// Populated tells whether the page is one or the other.
func (e Entry) Populated() bool { return e.has(entryPresent | entrySwapped) }

// File tells whether it is a page of a file, shared memory among them (Linux 3.5).
func (e Entry) File() bool { return e.has(entryFile) }

// Guard tells whether it is in a guard region (Linux 6.15).
func (e Entry) Guard() bool { return e.has(entryGuard) }

// Protected tells whether a userfaultfd protects the page, against writes or (Linux
// 7.3) against all accesses (Linux 5.14).
func (e Entry) Protected() bool { return e.has(entryProtected) }

// Exclusive tells whether no other process maps the page (Linux 4.2). A page that
// is shared with a forked child is not, so it does not tell written pages from
// others.
func (e Entry) Exclusive() bool { return e.has(entryExclusive) }

// SoftDirty tells whether the page was written since somebody wrote 4 to the
// process's clear_refs (Linux 3.11, where the kernel was built with it); without it
// the bit means nothing.
func (e Entry) SoftDirty() bool { return e.has(entrySoftDirty) }

// Frame is the page's number in physical memory if it is present; 0 for those
// without CAP_SYS_ADMIN, and else.
func (e Entry) Frame() uint64 {
	if !e.Present() {
		return 0
	}
	return uint64(e & entryFrame)
}

// SwapEntry is in which swap area and where in it a page is, if it is in swap
// space; zeros for those without CAP_SYS_ADMIN.
func (e Entry) SwapEntry() (area int, offset uint64) {
	if !e.Swapped() {
		return 0, 0
	}
	return int(e & entrySwapArea), uint64(e&entryFrame) >> 5
}

// String names the bits that are set.
func (e Entry) String() string {
	s := bitnames.String(uint64(e&^entryFrame), entryNames)
	if f := e & entryFrame; f != 0 {
		s += fmt.Sprintf(" %#x", uint64(f))
	}
	return s
}
