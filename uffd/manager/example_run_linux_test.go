package manager_test

import (
	"io"
	"os"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// An example with an output would fail where there is no userfaultfd.
func TestExample(t *testing.T) {
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.Userfaultfd, err)
	_ = d.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	Example()
	os.Stdout = stdout
	_ = w.Close()
	if out, err := io.ReadAll(r); err != nil || string(out) != "What the memory holds comes from afar.\n" {
		t.Errorf("%q, %v", out, err)
	}
}
