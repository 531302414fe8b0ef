//go:build !linux

package storm

import (
	"errors"
	"fmt"
)

// Run makes a storm on Linux; here it fails.
func Run(c Config) (*Report, error) {
	return nil, fmt.Errorf("storm: %w", errors.ErrUnsupported)
}
