//go:build !amd64

package rawproc

const supported = false

func trampoline(uintptr) uintptr { return 0 }

func onSignalAddress() uintptr { return 0 }
