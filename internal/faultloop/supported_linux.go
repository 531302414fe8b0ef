//go:build amd64 || arm64 || loong64 || mips64le || ppc64le || riscv64 || s390x

package faultloop

const supported = true

// start blocks all signals, makes the thread of a block, and restores the signals. It
// returns what clone(2) returned, an errno negative. All is one piece of assembly,
// which the runtime can't interrupt.
func start(block uintptr) (r uintptr)
