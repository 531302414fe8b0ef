package debian

import (
	"path/filepath"
	"testing"
)

func TestDefaultCache(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PAGESLOT_CACHE", dir)
	if c, err := DefaultCache(); err != nil || c.Dir != dir {
		t.Errorf("got %v, %v", c, err)
	}
	t.Setenv("PAGESLOT_CACHE", "relative")
	if c, err := DefaultCache(); err != nil || !filepath.IsAbs(c.Dir) {
		t.Errorf("got %v, %v", c, err)
	}
	t.Setenv("PAGESLOT_CACHE", "")
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData", "home"} {
		t.Setenv(name, "")
	}
	if c, err := DefaultCache(); err == nil {
		t.Errorf("without a home: got %v", c)
	}
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData", "home"} {
		t.Setenv(name, dir)
	}
	if c, err := DefaultCache(); err != nil || filepath.Base(c.Dir) != "pageslot" {
		t.Errorf("got %v, %v", c, err)
	}
}
