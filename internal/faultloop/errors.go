package faultloop

import (
	"errors"
	"fmt"
	"runtime"
)

var errPort = fmt.Errorf("there is no thread outside of Go's runtime for %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)

// ErrStuck is the error of SetRules and Settle when a thread does not get on: a
// debugger has stopped it, or a source that it reads.
var ErrStuck = errors.New("a thread does not get on with a fault")
