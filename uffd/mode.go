package uffd

import "github.com/pageslot/pageslot/internal/bitnames"

// Mode says which faults of a range a descriptor gets (UFFDIO_REGISTER_MODE_ in
// linux/userfaultfd.h). Modes can be joined with |; WP and RWP exclude each
// other.
type Mode uint64

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (m Mode) String() string { return bitnames.String(uint64(m), modeNames) }

// Has tells whether all of other are in m.
func (m Mode) Has(other Mode) bool { return m&other == other }

var modeNames = []bitnames.Name{
	{Bit: uint64(ModeMissing), Name: "MISSING"},
	{Bit: uint64(ModeWP), Name: "WP"},
	{Bit: uint64(ModeMinor), Name: "MINOR"},
	{Bit: uint64(ModeRWP), Name: "RWP"},
}

// Flags change what a call does. Each call has its own; one that does not belong
// to a call is an error (EINVAL) that names it.
type Flags uint8

const (
	// DontWake leaves those who wait for the pages asleep: a Wake must follow.
	// It is for all calls that resolve faults.
	DontWake Flags = 1 << iota
	// Protected installs pages that are write-protected from the first moment
	// on: for Copy (Linux 5.7) and Continue (6.4), in ranges with ModeWP.
	Protected
	// AllowHoles lets Move pass over source pages that are not there: the
	// destination then has none either, and they count as moved (Linux 6.8).
	AllowHoles
)

// String is the names of the constants, and bits without a name in hexadecimal.
func (f Flags) String() string { return bitnames.String(uint64(f), flagNames) }

var flagNames = []bitnames.Name{
	{Bit: uint64(DontWake), Name: "DontWake"},
	{Bit: uint64(Protected), Name: "Protected"},
	{Bit: uint64(AllowHoles), Name: "AllowHoles"},
}
