package uffd

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// A call through the count of calls in flight, beside the bare call.
func BenchmarkControl(b *testing.B) {
	d := mustOpen(b, Options{})
	call := func(fd int) error {
		_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		return err
	}
	b.Run("counted", func(b *testing.B) {
		for b.Loop() {
			if err := d.Control(call); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		fd := d.FD()
		for b.Loop() {
			if err := call(fd); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Opening with and without features, beside the bare calls.
func BenchmarkOpen(b *testing.B) {
	for name, o := range map[string]Options{
		"plain":    {UserMode: UserModeOnly},
		"features": {UserMode: UserModeOnly, Wanted: FeatureSIGBUS},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				d, err := Open(o)
				if err == nil {
					err = d.Close()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			fd, err := sys.Userfaultfd(sys.O_CLOEXEC | sys.O_NONBLOCK | sys.UFFD_USER_MODE_ONLY)
			if err == nil {
				err = sys.UffdioApiCall(fd, &sys.UffdioApi{Api: sys.UFFD_API})
			}
			if err == nil {
				err = unix.Close(fd)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
