package resolver_test

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// Examples with an output would fail where there is no userfaultfd, and one that waits
// for ever would stop the whole run.
func TestExample(t *testing.T) {
	must(t, start(t, open(t, uffd.Options{UserMode: uffd.UserModeFallback}), resolver.Options{}).Stop())
	runExample(t, Example, "what was there\nbeyond the end: a fault\nhits: 1 true\n")
}

func TestExampleRead(t *testing.T) {
	d, err := uffd.Open(uffd.Options{})
	testgate.Need(t, testgate.UffdKernelFaults, err)
	must(t, start(t, d, resolver.Options{}).Stop())
	must(t, d.Close())
	if err := unix.Madvise(mapped(t, 1), unix.MADV_POPULATE_READ); errors.Is(err, unix.EINVAL) {
		testgate.Skip(t, testgate.Populate, "MADV_POPULATE_READ: "+err.Error())
	}
	runExample(t, ExampleResolver_Read, "page 2\ntrue\n")
}

func runExample(t *testing.T, example func(), want string) {
	t.Helper()
	out, inChild, err := testgate.Child(t, time.Minute)
	if inChild {
		example()
		return
	}
	if err != nil || out != want {
		t.Errorf("%q, %v, want %q", out, err, want)
	}
}
