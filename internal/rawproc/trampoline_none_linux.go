//go:build !(386 || amd64 || arm || arm64 || loong64 || mips64le || ppc64le || riscv64 || s390x)

package rawproc

const supported = false

func trampoline(uintptr) uintptr { return 0 }

func onSignalAddress() uintptr { return 0 }
