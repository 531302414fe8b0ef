//go:build !linux

package vm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
)

// Run needs Linux: it hands files to QEMU through /proc.
func Run(ctx context.Context, c Config, jobs []Job, log func(string)) ([]Result, error) {
	return nil, &Error{Why: fmt.Sprintf("machines are started on Linux, not on %s", runtime.GOOS), Err: errors.ErrUnsupported}
}
