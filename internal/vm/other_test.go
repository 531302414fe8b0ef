//go:build !linux

package vm

import (
	"context"
	"errors"
	"testing"
)

func TestRunNeedsLinux(t *testing.T) {
	results, err := Run(context.Background(), Config{}, nil, nil)
	if results != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, %v", results, err)
	}
}
