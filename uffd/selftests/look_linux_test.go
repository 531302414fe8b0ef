package selftests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// looked is where look reads to: huge pages are too much for a new one each time.
var looked []byte

// look reads this process's memory through /proc/self/mem. The kernel then never
// waits for a descriptor: where an access would fault to userspace, look fails
// with EIO. So it tells too whether a page is there. The bytes are good until the
// next look.
func look(t testing.TB, r uffd.Range) ([]byte, error) {
	t.Helper()
	f, err := os.Open("/proc/self/mem")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	if uint64(len(looked)) < r.Len {
		looked = make([]byte, r.Len)
	}
	b := looked[:r.Len]
	// pread(2) takes a signed offset: all addresses of user memory fit.
	for done := 0; done < len(b); {
		n, err := unix.Pread(int(f.Fd()), b[done:], int64(r.Start)+int64(done))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return nil, unix.EIO
		}
		done += n
	}
	return b, nil
}

// holds fails the test unless the memory has these bytes, without a fault.
func holds(t testing.TB, what string, r uffd.Range, want []byte) {
	t.Helper()
	got, err := look(t, r)
	if err != nil {
		t.Errorf("%s: %v: %v", what, r, err)
		return
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %v: %s", what, r, difference(got, want))
	}
}

// missing fails the test unless no page of the memory, which is registered, can be
// accessed without a fault.
func missing(t testing.TB, what string, a *area, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		if _, err := look(t, a.at(i)); !errors.Is(err, unix.EIO) {
			t.Errorf("%s: page %d: %v; want none to be there (%v)", what, i, err, unix.EIO)
		}
	}
}

func difference(got, want []byte) string {
	for i := range want {
		if got[i] != want[i] {
			return fmt.Sprintf("byte %#x is %#x, want %#x", i, got[i], want[i])
		}
	}
	return "equal"
}

// zeros are n pages of them.
func (a *area) zeros(n int) []byte { return make([]byte, uint64(n)*a.page) }
