//go:build !linux

package highlevel

import "github.com/pageslot/pageslot/memfd"

func execute(uintptr, step, *memfd.Image) error { return errNotOnThisSystem }
