package memfd

// Seals say what can no longer be done to a file, by anybody. Seals are added
// and never removed (fcntl(2), F_ADD_SEALS).
type Seals uint

// ImageSeals is what every image's file has. Not FutureWrite: it would still
// let older mappings write. Not Exec, which kernels before 6.3 do not know; the
// file has it all the same where the kernel does.
const ImageSeals = SealGrow | SealShrink | SealWrite | SealSeal

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (s Seals) String() string { return bitString(uint64(s), sealNames) }

// The names, in the order of the bits.
var sealNames = []bitName{
	{uint64(SealSeal), "SEAL"},
	{uint64(SealShrink), "SHRINK"},
	{uint64(SealGrow), "GROW"},
	{uint64(SealWrite), "WRITE"},
	{uint64(SealFutureWrite), "FUTURE_WRITE"},
	{uint64(SealExec), "EXEC"},
}

var flagNames = []bitName{
	{uint64(CloseOnExec), "CLOEXEC"},
	{uint64(AllowSealing), "ALLOW_SEALING"},
	{uint64(HugeTLB), "HUGETLB"},
	{uint64(NoExecSeal), "NOEXEC_SEAL"},
	{uint64(Exec), "EXEC"},
}

// Prot is what may be done to the bytes of a mapping (mmap(2)).
type Prot int

// String gives the kernel's names without their prefix, and bits without a name
// in hexadecimal.
func (p Prot) String() string {
	if p == ProtNone {
		return "NONE"
	}
	return bitString(uint64(uint(p)), protNames)
}

var protNames = []bitName{
	{uint64(ProtRead), "READ"},
	{uint64(ProtWrite), "WRITE"},
	{uint64(ProtExec), "EXEC"},
}
