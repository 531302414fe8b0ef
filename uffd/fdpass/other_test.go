//go:build !linux

package fdpass

import (
	"errors"
	"testing"
)

func TestElsewhere(t *testing.T) {
	if err := Send(nil, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Send: %v", err)
	}
	if n, fds, err := Receive(nil, nil, 0); n != 0 || fds != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Receive: %d, %v, %v", n, fds, err)
	}
	if c, err := Peer(nil); c != (Credentials{}) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Peer: %v, %v", c, err)
	}
}
