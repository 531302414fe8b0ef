//go:build !amd64

package faultloop

const supported = false

func start(uintptr) uintptr { return 0 }
