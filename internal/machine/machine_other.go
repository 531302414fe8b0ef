//go:build !linux

package machine

// EndOfAddresses is unknown here.
func EndOfAddresses() (end uint64, ok bool) { return 0, false }

// MaxMapCount is a setting of Linux.
func MaxMapCount() (n uint64, ok bool) { return 0, false }

// Overcommit is a setting of Linux.
func Overcommit() (policy uint64, ok bool) { return 0, false }

// Mappings are listed by Linux only.
func Mappings() (n uint64, ok bool) { return 0, false }

// AddressLimit is unknown here.
func AddressLimit() (n uint64, ok bool) { return 0, false }

// LockedLimit is unknown here.
func LockedLimit() (n uint64, ok bool) { return 0, false }

// Mapped is unknown here.
func Mapped() (n uint64, ok bool) { return 0, false }

// HugePageSize is a number of Linux.
func HugePageSize() (n uint64, ok bool) { return 0, false }

// MemfdNoexec is a setting of Linux.
func MemfdNoexec() (n uint64, ok bool) { return 0, false }

// UnprivilegedUserfaultfd is a setting of Linux.
func UnprivilegedUserfaultfd() (n uint64, ok bool) { return 0, false }

// HugePages is a setting of Linux.
func HugePages() (n uint64, ok bool) { return 0, false }
