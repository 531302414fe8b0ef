//go:build !linux

package debian

import (
	"errors"
	"strings"
	"testing"
)

func TestOtherSystems(t *testing.T) {
	c := Cache{t.TempDir()}
	p := Package{Name: "linux-1", Path: "pool/x.deb", SHA256: strings.Repeat("0", 64)}
	if _, err := c.Kernel(t.Context(), nil, p, "boot/*", nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Kernel: %v", err)
	}
	if _, err := c.Tree(t.Context(), nil, Closure{Suites: []string{"x"}, Packages: []string{"p"}}, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Tree: %v", err)
	}
	if _, err := Host(t.Context()); !errors.Is(err, ErrNoArchive) {
		t.Errorf("Host: %v", err)
	}
}
