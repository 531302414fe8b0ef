//go:build !linux

package pkey

import (
	"errors"
	"fmt"
)

var errNotLinux = fmt.Errorf("no protection keys: not a Linux system: %w", errors.ErrUnsupported)

// Supported says why there are no protection keys here.
func Supported() error { return &Error{Op: "pkey_alloc", Err: errNotLinux} }

// Alloc gets a key on Linux; here it fails.
func Alloc() (Key, error) { return 0, &Error{Op: "pkey_alloc", Err: errNotLinux} }

// Free gives a key back; here there is none that could be.
func (k Key) Free() error {
	err := ErrNotAllocated
	if k == 0 {
		err = ErrKeyZero
	}
	return &Error{Op: "pkey_free", Detail: k.String(), Err: err}
}

// Protect colours memory on Linux; here it fails.
func Protect(addr, length uintptr, prot Prot, key Key) error {
	if err := checkProtect(addr, length, prot, key); err != nil {
		return err
	}
	return protectError(addr, length, prot, key, errNotLinux)
}
