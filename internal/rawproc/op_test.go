package rawproc

import (
	"encoding/binary"
	"testing"
)

func TestBlockFits(t *testing.T) {
	// Each part of the block, in its order, with its size.
	parts := []struct{ at, size int }{
		{blkDone, 8}, {blkSpawned, 8}, {blkFault, faultSize}, {blkNap, 16},
		{blkAllSignals, 16}, {blkOldSignals, 16}, {blkSignals, 16},
		{blkBlock, recSize}, {blkRestore, recSize}, {blkClone, recSize}, {blkSleep, recSize}, {blkExit, recSize}, {blkStep, 8},
		{blkActions, 2 * actionSize}, {blkTLS - 192, 384}, {blkProgram, recSize},
	}
	end := 0
	for _, p := range parts {
		if p.at < end || p.at%8 != 0 {
			t.Errorf("a part begins at %d, the one before ends at %d", p.at, end)
		}
		end = p.at + p.size
	}
	if recSize != recResult+8 || recResult != recArgs+6*8 || recSize%8 != 0 {
		t.Error("a step has other parts than its size says")
	}
	if n := blockSize(3); n != blkProgram+4*recSize {
		t.Errorf("a program of 3 steps takes %d bytes", n)
	}
}

func TestPutProgram(t *testing.T) {
	ops := []Op{Syscall(39, 1, 2, 3, 4, 5, 6), Load(1 << 40), Store(5, 200), Await(8, 9), Set(12, 1<<31), Exit(-1)}
	want := [][8]uint64{
		{kindSyscall, 39, 1, 2, 3, 4, 5, 6}, {kindLoad, 1 << 40}, {kindStore, 5, 200},
		{kindAwait, 8, 9}, {kindSet, 12, 1 << 31}, {kindSyscall, 94, ^uint64(0)}, {kindEnd},
	}
	block := make([]byte, blockSize(len(ops)))
	putProgram(block, ops, 94)
	for i, words := range want {
		for j, word := range words {
			if got := binary.NativeEndian.Uint64(block[blkProgram+i*recSize+8*j:]); got != word {
				t.Errorf("step %d, word %d: %#x, want %#x", i, j, got, word)
			}
		}
	}
}

func TestResultWidth(t *testing.T) {
	rec := make([]byte, recSize)
	for _, c := range []struct {
		op    Op
		raw   uint64
		bits  int
		value uint64
	}{
		{Syscall(1), 0xfffffff7, 32, 0xfffffffffffffff7},
		{Syscall(1), 0xfffff001, 32, 0xfffffffffffff001},
		{Syscall(1), 0xfffff000, 32, 0xfffff000}, // an address
		{Syscall(1), 0xb7000000, 32, 0xb7000000},
		{Syscall(1), 0xfffffff7, 64, 0xfffffff7},
		{Syscall(1), 0xfffffffffffffff7, 64, 0xfffffffffffffff7},
		{Child(), 0xfffffff5, 32, 0xfffffffffffffff5},
		{Load(1), 0xff, 32, 0xff},
	} {
		binary.NativeEndian.PutUint64(rec[recResult:], c.raw)
		if got := c.op.result(rec, c.bits); got != c.value {
			t.Errorf("%#x of kind %d in %d bits: %#x, want %#x", c.raw, c.op.kind, c.bits, got, c.value)
		}
	}
}

func TestFaultLayout(t *testing.T) {
	put := binary.NativeEndian.PutUint32
	block := make([]byte, blockSize(0))
	info := block[blkFault:]
	put(info, 11)
	put(info[4:], 3)
	put(info[8:], 0xffffffff)
	put(info[12:], 0x8000)
	if got, want := fault(block, 32, false), (Fault{11, -1, 0x8000}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	binary.NativeEndian.PutUint64(info[16:], 1<<40)
	if got, want := fault(block, 64, false), (Fault{11, -1, 1 << 40}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := fault(block, 64, true), (Fault{11, 3, 1 << 40}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestCloneOrder(t *testing.T) {
	for port, want := range map[string][6]uint64{
		"amd64": {1, 2, 3, 5, 4}, "loong64": {1, 2, 3, 5, 4}, "s390x": {2, 1, 3, 5, 4},
		"386": {1, 2, 3, 4, 5}, "arm": {1, 2, 3, 4, 5}, "arm64": {1, 2, 3, 4, 5},
		"mips64le": {1, 2, 3, 4, 5}, "ppc64le": {1, 2, 3, 4, 5}, "riscv64": {1, 2, 3, 4, 5},
	} {
		if got := order(port, 1, 2, 3, 4, 5); got != want {
			t.Errorf("%s: %v, want %v", port, got, want)
		}
	}
}
