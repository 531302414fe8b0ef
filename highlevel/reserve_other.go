//go:build !linux

package highlevel

func reserve(uint64) (uintptr, error) { return 0, errNotOnThisSystem }
func avoidHuge(uintptr, uint64) bool  { return false }

func unreserve(uintptr, uint64) error { return errNotOnThisSystem }
func words(uint64) (uintptr, error)   { return 0, errNotOnThisSystem }
