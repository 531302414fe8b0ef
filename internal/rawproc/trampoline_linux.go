//go:build 386 || amd64 || arm || arm64 || loong64 || mips64le || ppc64le || riscv64 || s390x

package rawproc

const supported = true

// trampoline blocks all signals, makes the system call at blkClone, and
// restores the signals. It returns what clone(2) returned, an errno negative.
// The child runs the program of the block, and never Go. All is one piece of
// assembly, which the runtime can't interrupt, and which the runtime's scheduler
// knows nothing of: clone with CLONE_VM waits for nobody.
func trampoline(block uintptr) (r uintptr)

// onSignal is the child's handler of signals: not for Go to call.
func onSignal()

// onSignalAddress is where onSignal lies.
func onSignalAddress() uintptr
