package rawproc_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/testgate"
)

// inventory is what processes could leave behind: descriptors, shared mappings
// without a file, and child processes.
func inventory(t testing.TB) string {
	t.Helper()
	// First what makes the runtime open descriptors of its own, to poll with.
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer maps.Close()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	all, err := procmaps.Parse(maps)
	if err != nil {
		t.Fatal(err)
	}
	shared := 0
	for _, m := range all {
		if strings.HasPrefix(m.Path, "/dev/zero") {
			shared++
		}
	}
	children := 0
	status, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range status {
		if isChild(e.Name()) {
			children++
		}
	}
	return fmt.Sprintf("%d descriptors, %d shared mappings, %d children", len(fds), shared, children)
}

// isChild tells whether a process is a child of this one, dead ones included.
func isChild(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, after, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	return ok && len(fields) > 1 && fields[1] == fmt.Sprint(os.Getpid())
}

// checkLeft checks at the end of the test, after the cleanups that come later,
// that everything is as it is now.
func checkLeft(t testing.TB) {
	t.Helper()
	before := inventory(t)
	t.Cleanup(func() {
		if after := inventory(t); after != before {
			t.Errorf("before: %s; after: %s", before, after)
		}
	})
}

func TestManyStarts(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		mem := shared(t)
		for i := range testgate.Rounds(200, 20) {
			ops := []rawproc.Op{rawproc.Exit(i % 100)}
			endless := i%3 == 0
			if endless {
				ops = []rawproc.Op{rawproc.Await(address(mem), 1)}
			}
			p, err := makers[name](ops...)
			if err != nil {
				t.Fatal(err)
			}
			if endless { // and killed early or late
				time.Sleep(time.Duration(i) * 5 * time.Microsecond)
				if err := p.Kill(); err != nil {
					t.Fatal(err)
				}
				continue
			}
			if status := wait(t, p); !status.Exited() || status.ExitStatus() != i%100 {
				t.Fatalf("status %#x, want exit code %d", status, i%100)
			}
		}
	})
}

func TestDuringCollections(t *testing.T) {
	eachMaker(t, func(t *testing.T, name string) {
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-stop:
					return
				default:
					runtime.GC()
				}
			}
		}()
		defer func() { close(stop); <-stopped }()
		mem := shared(t)
		for i := range testgate.Rounds(20, 3) {
			at := address(mem)
			p := start(t, name, rawproc.Set(at, uint32(i+1)), rawproc.Await(at+4, uint32(i+1)), rawproc.Load(at))
			for loadWord(mem) != uint32(i+1) {
				time.Sleep(10 * time.Microsecond)
			}
			storeWord(mem[4:], uint32(i+1))
			if status := wait(t, p); !status.Exited() {
				t.Fatalf("status %#x", status)
			}
		}
	})
}

// A process ends with the one that made it, even if that dies without a word.
func TestDiesWithParent(t *testing.T) {
	testgate.Need(t, testgate.Port, rawproc.Supported())
	for name := range makers {
		t.Run(name, func(t *testing.T) {
			checkLeft(t)
			out, inChild, err := testgate.Child(t, 30*time.Second)
			if inChild {
				mem := shared(t)
				p, err := makers[name](rawproc.Set(address(mem), 1), rawproc.Await(address(mem), 2))
				if err != nil {
					t.Fatal(err)
				}
				for loadWord(mem) != 1 {
					time.Sleep(time.Millisecond)
				}
				fmt.Printf("pid %d.\n", p.Pid())
				self, err := os.FindProcess(os.Getpid())
				if err != nil {
					t.Fatal(err)
				}
				if err := self.Kill(); err != nil {
					t.Fatal(err)
				}
				select {}
			}
			_, rest, ok := strings.Cut(out, "pid ")
			pid, _, ok2 := strings.Cut(rest, ".\n")
			if !ok || !ok2 {
				t.Fatalf("the child printed %q: %v", out, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), testgate.Stretch(t, 10*time.Second))
			defer cancel()
			for {
				// A process that has ended and that nobody has reaped is a zombie.
				text, err := os.ReadFile("/proc/" + pid + "/stat")
				if err != nil || strings.Contains(string(text), ") Z ") {
					return
				}
				if ctx.Err() != nil {
					t.Fatalf("process %s goes on: %s", pid, text)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}
