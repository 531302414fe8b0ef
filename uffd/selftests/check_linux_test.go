package selftests

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/testgate"
)

var (
	checkMu sync.Mutex
	checked = map[testing.TB]bool{} // tests that will be checked at their end
	held    []string                // what the process had when the last of them had ended
)

// checkProcess compares, at the end of the test, what this process has with what
// it had when checkProcess was first called in the test: descriptors, mappings of
// files in memory, goroutines; and there must be no child process. newArea and open
// call it.
func checkProcess(t testing.TB) {
	t.Helper()
	checkMu.Lock()
	again := checked[t]
	checked[t] = true
	before, goroutines := held, runtime.NumGoroutine()
	alone := len(checked) == 1
	checkMu.Unlock()
	if again {
		return
	}
	if before == nil || !alone { // else nobody had a reason to open anything since
		before = holdings(t)
	}
	t.Cleanup(func() {
		for end := time.Now().Add(testgate.Stretch(t, 2*time.Second)); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
			time.Sleep(time.Millisecond) // those that were told to end may still be about it
		}
		if n := runtime.NumGoroutine(); n > goroutines {
			stacks := make([]byte, 1<<16)
			t.Errorf("goroutines before: %d, after: %d\n%s", goroutines, n, stacks[:runtime.Stack(stacks, true)])
		}
		after := holdings(t)
		checkMu.Lock()
		delete(checked, t)
		if held = nil; len(checked) == 0 {
			held = after
		}
		checkMu.Unlock()
		if left := without(slices.Clone(after), before); len(left) != 0 {
			t.Errorf("left behind: %q", left)
		}
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG|unix.WALL, nil); !errors.Is(err, unix.ECHILD) {
			t.Errorf("a child process is left: %d, %v", pid, err)
		}
	})
}

// holdings are descriptors and mappings, in words.
func holdings(t testing.TB) []string {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	var all []string
	for _, fd := range fds {
		// The folder's own descriptor is closed again by now.
		if link, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil {
			all = append(all, "descriptor "+fd.Name()+" of "+link)
		}
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	vmas, err := procmaps.Parse(maps)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vmas {
		if strings.HasPrefix(v.Path, "/memfd:") || strings.HasPrefix(v.Path, "/anon_hugepage") {
			all = append(all, fmt.Sprintf("mapping %#x of %s", v.Start, v.Path))
		}
	}
	return all
}

func without(all, known []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return slices.Contains(known, s) })
}
