package fdpass_test

import (
	"io"
	"os"
	"testing"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// An example with an output would fail where there is no userfaultfd.
func TestExampleUserfaultfd(t *testing.T) {
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.Userfaultfd, err)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	stdout := os.Stdout
	os.Stdout = w
	Example_userfaultfd()
	os.Stdout = stdout
	w.Close()
	if out, err := io.ReadAll(r); err != nil || string(out) != "serve these faults: true\n" {
		t.Errorf("%q, %v", out, err)
	}
}
