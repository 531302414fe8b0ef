package rawproc

import (
	"errors"
	"fmt"
	"runtime"
)

// errPort is the error of every port without the assembly.
var errPort = fmt.Errorf("rawproc: there is no assembly for %s/%s: %w", runtime.GOOS, runtime.GOARCH, errors.ErrUnsupported)
