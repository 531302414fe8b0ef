package memfd

import "github.com/pageslot/pageslot/sys"

// Flags of memfd_create(2), since Linux 3.17 unless said otherwise.
const (
	// CloseOnExec closes the file in programs that this one executes. It is
	// always set.
	CloseOnExec Flags = sys.MFD_CLOEXEC
	// AllowSealing leaves the file open for seals. Without it the file has
	// SealSeal from the beginning.
	AllowSealing Flags = sys.MFD_ALLOW_SEALING
	// HugeTLB makes the file of huge pages (4.14; sealing them 4.16), of the
	// system's default size unless one of the Huge flags is set too.
	HugeTLB Flags = sys.MFD_HUGETLB
	// NoExecSeal makes a file that cannot be executed, and seals that (6.3).
	NoExecSeal Flags = sys.MFD_NOEXEC_SEAL
	// Exec makes a file that may be executed (6.3; before, all were so).
	Exec Flags = sys.MFD_EXEC
)

// Sizes of huge pages, to be used with HugeTLB. [HugeSize] has the rest.
const (
	Huge64KB  Flags = sys.MFD_HUGE_64KB
	Huge512KB Flags = sys.MFD_HUGE_512KB
	Huge1MB   Flags = sys.MFD_HUGE_1MB
	Huge2MB   Flags = sys.MFD_HUGE_2MB
	Huge8MB   Flags = sys.MFD_HUGE_8MB
	Huge16MB  Flags = sys.MFD_HUGE_16MB
	Huge32MB  Flags = sys.MFD_HUGE_32MB
	Huge256MB Flags = sys.MFD_HUGE_256MB
	Huge512MB Flags = sys.MFD_HUGE_512MB
	Huge1GB   Flags = sys.MFD_HUGE_1GB
	Huge2GB   Flags = sys.MFD_HUGE_2GB
	Huge16GB  Flags = sys.MFD_HUGE_16GB
)

const (
	hugeShift = sys.MFD_HUGE_SHIFT
	hugeMask  = sys.MFD_HUGE_MASK
)

// The seals, since Linux 3.17 unless said otherwise.
const (
	// SealSeal: no seal can be added.
	SealSeal Seals = sys.F_SEAL_SEAL
	// SealShrink: the file cannot become smaller.
	SealShrink Seals = sys.F_SEAL_SHRINK
	// SealGrow: the file cannot become larger.
	SealGrow Seals = sys.F_SEAL_GROW
	// SealWrite: nobody can write. It cannot be added (EBUSY) while a shared
	// mapping exists that could.
	SealWrite Seals = sys.F_SEAL_WRITE
	// SealFutureWrite: nobody can write but through shared mappings that exist
	// already (5.1).
	SealFutureWrite Seals = sys.F_SEAL_FUTURE_WRITE
	// SealExec: the bits that allow execution cannot change (6.3).
	SealExec Seals = sys.F_SEAL_EXEC
)

// Rights of a mapping.
const (
	ProtNone  Prot = sys.PROT_NONE
	ProtRead  Prot = sys.PROT_READ
	ProtWrite Prot = sys.PROT_WRITE
	ProtExec  Prot = sys.PROT_EXEC
)
