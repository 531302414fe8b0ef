package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/storm"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// The storm in the binary of this test, however it was built.
func TestStorm(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("GOMAXPROCS=%d", procs), func(t *testing.T) {
			out, inChild, err := testgate.Child(t, time.Minute)
			if inChild {
				needResolver(t)
				report, err := storm.Run(storm.Config{Pages: testgate.Rounds(4000, 20), Procs: procs, Threads: (procs + 1) / 2, Command: idle(t)})
				must(t, err)
				fmt.Println(report)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			t.Log(out)
		})
	}
}

// A storm can fail: where a goroutine serves the faults it hangs, and where a resolver
// does it has long ended by then.
func TestStormCanFail(t *testing.T) {
	testgate.NeedLong(t, "it waits for programs that hang")
	deadline := 10 * time.Second
	c := storm.Config{Pages: 20_000, Accesses: []string{"copy"}, Disturbances: []string{"collector"}}
	for _, procs := range []int{1, 2} {
		for _, goroutine := range []bool{false, true} {
			t.Run(fmt.Sprintf("GOMAXPROCS=%d/goroutine=%v", procs, goroutine), func(t *testing.T) {
				t.Parallel()
				out, inChild, err := testgate.Child(t, deadline)
				if inChild {
					needResolver(t)
					fmt.Println("begins")
					c.Procs, c.Goroutine = procs, goroutine
					_, err := storm.Run(c)
					must(t, err)
					return
				}
				if hangs := errors.Is(err, context.DeadlineExceeded); hangs != goroutine || !goroutine && err != nil || !strings.Contains(out, "begins") {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// soakEnv is how long TestStormSoak takes.
const soakEnv = "PAGESLOT_STORM_SOAK"

// Storm after storm in one process, with resolvers of all kinds. Nothing is left of
// them.
func TestStormSoak(t *testing.T) {
	long := time.Duration(testgate.Rounds(2000, 1)) * time.Millisecond
	if s := os.Getenv(soakEnv); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatalf("%s: %v", soakEnv, err)
		}
	}
	out, inChild, err := testgate.Child(t, long+2*time.Minute)
	if !inChild {
		if err != nil {
			t.Fatal(err)
		}
		t.Log(out)
		return
	}
	needResolver(t)
	pages, least := testgate.Rounds(4000, 20), testgate.Rounds[uint64](2, 1)
	gone(t)
	before := left(t)
	var storms, faults uint64
	for end := time.Now().Add(long); storms < least || time.Now().Before(end); storms++ {
		c := storm.Config{
			Pages: 1 + rand.IntN(pages), Procs: 1 + rand.IntN(8),
			Threads: 1 + rand.IntN(4), Spin: rand.IntN(2) * rand.IntN(1000), Batch: 1 + rand.IntN(32),
			Granule: uint64(pageSize) << rand.IntN(6),
			Command: idle(t),
		}
		report, err := storm.Run(c)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		faults += report.Faults
	}
	leaves(t, before)
	fmt.Printf("%d storms, %d faults\n", storms, faults)
}

// idle is a command that ends at once: this test binary without tests.
func idle(t *testing.T) []string {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	return []string{self, "-test.run=^$"}
}

// needResolver skips a test where there can't be a storm.
func needResolver(t *testing.T) {
	t.Helper()
	d := open(t, uffd.Options{UserMode: uffd.UserModeFallback})
	must(t, start(t, d, resolver.Options{}).Stop())
}
