package faultloop

import (
	"errors"
	"fmt"
	"runtime"
)

var errPort = fmt.Errorf("there is no thread outside of Go's runtime for %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
