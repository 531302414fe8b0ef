package resolver_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mincore tells for each page of memory whether it is there.
func mincore(mem, core []byte) error {
	_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&mem[0])), uintptr(len(mem)), uintptr(unsafe.Pointer(&core[0])))
	if errno != 0 {
		return errno
	}
	return nil
}

const (
	readWrite = unix.PROT_READ | unix.PROT_WRITE
	private   = unix.MAP_PRIVATE | unix.MAP_ANON
)

// mmap maps memory that parts of may be unmapped, unlike that of unix.Mmap.
func mmap(n int) ([]byte, error) {
	at, err := unix.MmapPtr(-1, 0, nil, uintptr(n), readWrite, private)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(at), n), nil
}

// remote is memory where nobody looks for room: what is unmapped there stays a hole.
func remote(n int) ([]byte, error) {
	const low = 1 << 30
	at, err := unix.MmapPtr(-1, 0, unsafe.Add(nil, low), uintptr(n), readWrite, private)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*byte)(at), n), nil
}

// mmapAt maps new memory where some was.
func mmapAt(mem []byte) error {
	_, err := unix.MmapPtr(-1, 0, unsafe.Pointer(&mem[0]), uintptr(len(mem)), readWrite, private|unix.MAP_FIXED)
	return err
}

func munmap(mem []byte) error { return unix.MunmapPtr(unsafe.Pointer(&mem[0]), uintptr(len(mem))) }

// remap moves memory to where the kernel finds room.
func remap(mem []byte) ([]byte, error) {
	to, err := mmap(len(mem))
	if err != nil {
		return nil, err
	}
	_, err = unix.MremapPtr(unsafe.Pointer(&mem[0]), uintptr(len(mem)), unsafe.Pointer(&to[0]), uintptr(len(mem)), unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED)
	return to, err
}
