//go:build !linux

package debian

import (
	"errors"
	"os"
)

// tryLock is what keeps other systems from making entries.
func tryLock(*os.File) error { return errors.ErrUnsupported }
