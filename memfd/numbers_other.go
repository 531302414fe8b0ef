//go:build !linux

package memfd

// Where there is no Linux the numbers stand for nothing, but code that names
// them compiles. All that can be said of them is that they are different bits.

// See the Linux documentation for what each stands for.
const (
	CloseOnExec Flags = 1 << iota
	AllowSealing
	HugeTLB
	NoExecSeal
	Exec
)

const (
	hugeShift = 16
	hugeMask  = 0x3f
)

// See the Linux documentation for what each stands for.
const (
	Huge64KB  Flags = 16 << hugeShift
	Huge512KB Flags = 19 << hugeShift
	Huge1MB   Flags = 20 << hugeShift
	Huge2MB   Flags = 21 << hugeShift
	Huge8MB   Flags = 23 << hugeShift
	Huge16MB  Flags = 24 << hugeShift
	Huge32MB  Flags = 25 << hugeShift
	Huge256MB Flags = 28 << hugeShift
	Huge512MB Flags = 29 << hugeShift
	Huge1GB   Flags = 30 << hugeShift
	Huge2GB   Flags = 31 << hugeShift
	Huge16GB  Flags = 34 << hugeShift
)

// See the Linux documentation for what each stands for.
const (
	SealSeal Seals = 1 << iota
	SealShrink
	SealGrow
	SealWrite
	SealFutureWrite
	SealExec
)

// See the Linux documentation for what each stands for.
const (
	ProtRead Prot = 1 << iota
	ProtWrite
	ProtExec
	ProtNone Prot = 0
)
