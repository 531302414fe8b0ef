package resolver_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd/resolver"
)

// A program that forbids itself new descriptors is served all the same: poll(2) does not
// work then.
func TestNoMoreDescriptors(t *testing.T) {
	child(t, func(t *testing.T) {
		mem := mapped(t, 64)
		r := serve(t, open(t, anybody), resolver.Options{}, mem, resolver.Rule{Missing: resolver.Zero})
		load(mem, 0)
		var old unix.Rlimit
		must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &old))
		must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}))
		for i := range 64 {
			load(mem, i*pageSize)
		}
		must(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &old))
		must(t, r.Err())
		must(t, r.Stop())
	})
}
