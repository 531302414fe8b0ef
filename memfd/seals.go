package memfd

import "github.com/pageslot/pageslot/internal/bitnames"

// Seals say what can no longer be done to a file, by anybody. Seals are added
// and never removed (fcntl(2), F_ADD_SEALS).
type Seals uint

// ImageSeals is what every image's file has. Not FutureWrite: it would still
// let older mappings write. Not Exec, which kernels before 6.3 do not know; the
// file has it all the same where the kernel does.
const ImageSeals = SealGrow | SealShrink | SealWrite | SealSeal

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (s Seals) String() string { return bitnames.String(uint64(s), sealNames) }

// The names, in the order of the bits.
var sealNames = []bitnames.Name{
	{Bit: uint64(SealSeal), Name: "SEAL"},
	{Bit: uint64(SealShrink), Name: "SHRINK"},
	{Bit: uint64(SealGrow), Name: "GROW"},
	{Bit: uint64(SealWrite), Name: "WRITE"},
	{Bit: uint64(SealFutureWrite), Name: "FUTURE_WRITE"},
	{Bit: uint64(SealExec), Name: "EXEC"},
}

var flagNames = []bitnames.Name{
	{Bit: uint64(CloseOnExec), Name: "CLOEXEC"},
	{Bit: uint64(AllowSealing), Name: "ALLOW_SEALING"},
	{Bit: uint64(HugeTLB), Name: "HUGETLB"},
	{Bit: uint64(NoExecSeal), Name: "NOEXEC_SEAL"},
	{Bit: uint64(Exec), Name: "EXEC"},
}

// Prot is what may be done to the bytes of a mapping (mmap(2)).
type Prot int

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (p Prot) String() string {
	if p == ProtNone {
		return "NONE"
	}
	return bitnames.String(uint64(uint(p)), protNames)
}

var protNames = []bitnames.Name{
	{Bit: uint64(ProtRead), Name: "READ"},
	{Bit: uint64(ProtWrite), Name: "WRITE"},
	{Bit: uint64(ProtExec), Name: "EXEC"},
}
