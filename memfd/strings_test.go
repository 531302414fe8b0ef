package memfd

import (
	"errors"
	"syscall"
	"testing"
)

func TestStrings(t *testing.T) {
	for want, got := range map[string]string{
		"0":                          Flags(0).String(),
		"CLOEXEC|ALLOW_SEALING":      (CloseOnExec | AllowSealing).String(),
		"NOEXEC_SEAL":                NoExecSeal.String(),
		"EXEC|0x4000":                (Exec | 0x4000).String(),
		"HUGETLB|HUGE_2MB":           (HugeTLB | Huge2MB).String(),
		"HUGE_64KB":                  Huge64KB.String(),
		"HUGETLB|HUGE_16GB":          (HugeTLB | Huge16GB).String(),
		"SEAL|SHRINK|GROW|WRITE":     ImageSeals.String(),
		"FUTURE_WRITE|EXEC|0x100000": (SealFutureWrite | SealExec | 1<<20).String(),
		"NONE":                       ProtNone.String(),
		"READ|WRITE|EXEC":            (ProtRead | ProtWrite | ProtExec).String(),
		"READ|0x1000000":             (ProtRead | 0x1000000).String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestHugeSize(t *testing.T) {
	for size, want := range map[uint64]Flags{
		64 << 10: Huge64KB, 512 << 10: Huge512KB, 1 << 20: Huge1MB, 2 << 20: Huge2MB,
		8 << 20: Huge8MB, 16 << 20: Huge16MB, 32 << 20: Huge32MB, 256 << 20: Huge256MB,
		512 << 20: Huge512MB, 1 << 30: Huge1GB, 2 << 30: Huge2GB, 16 << 30: Huge16GB,
	} {
		if got, err := HugeSize(size); got != want|HugeTLB || err != nil {
			t.Errorf("HugeSize(%d) = %v, %v; want %v", size, got, err, want|HugeTLB)
		}
	}
	for _, size := range []uint64{0, 1, 3, 2<<20 + 1} {
		if got, err := HugeSize(size); got != 0 || !errors.Is(err, ErrRange) {
			t.Errorf("HugeSize(%d) = %v, %v", size, got, err)
		}
	}
	if got, err := HugeSize(1 << 63); err != nil || got.String() != "HUGETLB|HUGE_8EB" {
		t.Errorf("HugeSize(1<<63) = %v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	err := error(&Error{Op: "fcntl F_ADD_SEALS", Name: "a b", Detail: "WRITE (why)", Err: syscall.EBUSY})
	if got, want := err.Error(), `memfd: fcntl F_ADD_SEALS "a b" WRITE (why): `+syscall.EBUSY.Error(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if !errors.Is(err, syscall.EBUSY) || errors.Is(err, ErrInUse) {
		t.Error("the cause is lost, or taken for another")
	}
	if !errors.Is(ErrInUse, syscall.EBUSY) || errors.Is(ErrInUse, syscall.EINVAL) {
		t.Error("ErrInUse is EBUSY and nothing else")
	}
}
