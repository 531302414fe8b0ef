//go:build !linux

package highlevel

import "github.com/pageslot/pageslot/memfd"

func execute(*Slot, step, *memfd.Image) error { return errNotOnThisSystem }
