//go:build !linux

package harness

import (
	"errors"
	"fmt"
	"io"
)

var errLinux = fmt.Errorf("userfaultfd is a part of Linux: %w", errors.ErrUnsupported)

func admit([]Peer) error { return nil }

func measure(settings, []comparison, io.Writer) (*report, error) { return nil, errLinux }

func work([]string) int { return 1 }
