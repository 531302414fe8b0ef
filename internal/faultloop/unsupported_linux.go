//go:build !(amd64 || arm64 || loong64 || ppc64le || riscv64 || s390x)

package faultloop

const supported = false

func start(uintptr) uintptr { return 0 }
