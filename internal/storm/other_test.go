//go:build !linux

package storm

import (
	"errors"
	"testing"
)

func TestRun(t *testing.T) {
	if r, err := Run(Config{}); r != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Error(r, err)
	}
}
