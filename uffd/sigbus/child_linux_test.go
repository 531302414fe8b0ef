package sigbus

import (
	"bytes"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// A goroutine that the function starts is not covered: its fault ends the process.
func TestOtherGoroutine(t *testing.T) {
	open(t, 0) // or a skip
	out, inChild, err := testgate.Child(t, 30*time.Second)
	if inChild {
		a, r := served(t, memories[0], 1, 1)
		_ = Do(func(Fault) error {
			done := make(chan bool)
			go func() {
				defer close(done)
				runtime.KeepAlive(a.mem[0])
			}()
			<-done
			return nil
		}, r)
		return
	}
	if err == nil || !strings.Contains(err.Error(), "unexpected fault address") {
		t.Errorf("%v\n%s", err, out)
	}
}

// One that has a Do of its own is.
func TestGoroutinesOfTheirOwn(t *testing.T) {
	a, r := served(t, memories[0], 16, 1)
	done := make(chan error)
	var seen []byte
	err := Do(func(Fault) error {
		go func() {
			done <- Do(func(Fault) error { seen = bytes.Clone(a.mem); return nil }, r)
		}()
		return <-done
	}, r)
	if err != nil || !bytes.Equal(seen, a.want(1)) {
		t.Error(err)
	}
}

// A map that was being changed when an access faulted stays marked, which the
// documentation warns of.
func TestMapKeys(t *testing.T) {
	open(t, 0)
	out, inChild, err := testgate.Child(t, 30*time.Second)
	if inChild {
		a, r := served(t, memories[0], 1, 0)
		var m map[string]int
		err := Do(func(Fault) error {
			m = map[string]int{}
			m[stringOf(a.mem[:8])] = 1
			return nil
		}, r)
		if err != nil || len(m) != 1 {
			t.Error(err, m)
		}
		a.discard(t)
		key := string(a.want(0)[:8])
		_ = Do(func(Fault) error { m[key] = 2; return nil }, r)
		return
	}
	if err == nil || !strings.Contains(err.Error(), "concurrent map writes") {
		t.Errorf("%v\n%s", err, out)
	}
}

// What the runtime does with a lock of its own can't be taken, which the documentation
// warns of: it looks at the value of a channel under that of the channel.
func TestChannel(t *testing.T) {
	open(t, 0)
	out, inChild, err := testgate.Child(t, 30*time.Second)
	if inChild {
		a, r := served(t, memories[0], 1, 1)
		c := make(chan byte, 1)
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(Do(func(Fault) error {
			x := a.mem[0]
			c <- x
			return nil
		}, r))
		if x := <-c; x != a.want(1)[0] {
			t.Errorf("%d", x)
		}
		a.discard(t)
		// c <- a.mem[0] does the same, but not with the race detector, which has it
		// copied first.
		value := reflect.ValueOf(&a.mem[0]).Elem()
		must(Do(func(Fault) error { reflect.ValueOf(c).Send(value); return nil }, r))
		return
	}
	if err == nil || !strings.Contains(err.Error(), "unexpected signal during runtime execution") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A copy that goes backwards, since source and destination overlap, may fault too,
// except where it makes the processor count down: the Go runtime does not undo that
// after a fault, and its own copies go wrong from then on.
func TestBackwards(t *testing.T) {
	open(t, 0)
	switch runtime.GOARCH {
	case "386":
		testgate.Skip(t, testgate.Port, "memmove counts down with the direction flag")
	case "amd64":
		info, err := os.ReadFile("/proc/cpuinfo")
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		if !strings.Contains(string(info), " avx ") {
			testgate.Skip(t, testgate.Port, "without AVX memmove counts down with the direction flag")
		}
	}
	_, inChild, err := testgate.Child(t, 30*time.Second)
	if err != nil {
		t.Error(err)
	}
	if !inChild {
		return
	}
	a, r := served(t, memories[0], 64, 1)
	collect(t)
	for range testgate.Rounds(50, 5) {
		a.discard(t)
		err := Do(func(Fault) error {
			copy(a.mem[64:], a.mem[:len(a.mem)-64])
			return nil
		}, r)
		if err != nil {
			t.Fatal(err)
		}
	}
}
