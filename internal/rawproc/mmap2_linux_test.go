//go:build 386 || arm

package rawproc_test

import "github.com/pageslot/pageslot/sys"

// mmapCall is the number of mmap2(2), and its last argument for an offset.
func mmapCall(offset uint64) (number uintptr, last uint64) { return sys.SYS_MMAP2, offset / 4096 }
