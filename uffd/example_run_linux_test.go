package uffd_test

import (
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// An example with an output would fail where there is no userfaultfd, and one that
// waits for ever would stop the whole run.
func TestExampleMinor(t *testing.T) {
	d, err := uffd.Open(uffd.Options{})
	testgate.Need(t, testgate.UffdKernelFaults, err)
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if !d.Available().Has(uffd.FeatureMinorShmem) {
		testgate.Skip(t, testgate.UffdFeature, "no minor faults of shared memory")
	}
	out, inChild, err := testgate.Child(t, time.Minute)
	if inChild {
		Example_minor()
		return
	}
	if want := "minor: true the first page: true\nfinal <nil>\n"; err != nil || out != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}
