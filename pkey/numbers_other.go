//go:build !linux

package pkey

import "errors"

// See the Linux documentation for what each stands for. Here the numbers stand
// for nothing.
const (
	ProtRead Prot = 1 << iota
	ProtWrite
	ProtExec
	ProtNone Prot = 0
)

var noSpace = errors.New("no space left on device")
