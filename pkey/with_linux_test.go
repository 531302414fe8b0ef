package pkey

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/procmaps"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

var page = uintptr(os.Getpagesize())

// newKey gets a key for one test.
func newKey(t testing.TB) Key {
	t.Helper()
	testgate.Need(t, testgate.Pkey, Supported())
	key, err := Alloc()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := key.Free(); err != nil && !errors.Is(err, ErrNotAllocated) {
			t.Error(err)
		}
	})
	return key
}

// colours lists what smaps says of pages pages at addr: the key and the rights
// of each.
func colours(t testing.TB, addr uintptr, pages int) []string {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		testgate.Skip(t, testgate.Proc, err.Error())
	}
	defer f.Close()
	all, err := procmaps.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, pages)
	for i := range got {
		start := uint64(addr) + uint64(i)*uint64(page)
		for _, v := range procmaps.Within(all, start, start+1) {
			if !v.HasKey {
				t.Fatal("smaps shows no keys")
			}
			got[i] = fmt.Sprintf("%s %d", v.Perms, v.Key)
		}
	}
	return got
}

func wantColours(t testing.TB, addr uintptr, want ...string) {
	t.Helper()
	if got := colours(t, addr, len(want)); !slices.Equal(got, want) {
		t.Errorf("pages %q, want %q", got, want)
	}
}

// peek asks the kernel to read a byte at addr for this thread, and poke to write
// one. Neither touches the memory from Go.
func peek(pipe [2]int, addr uintptr) error { return transfer(unix.SYS_WRITE, pipe[1], pipe[0], addr) }
func poke(pipe [2]int, addr uintptr) error {
	if _, err := unix.Write(pipe[1], []byte{42}); err != nil {
		return err
	}
	return transfer(unix.SYS_READ, pipe[0], -1, addr)
}

// transfer moves one byte between fd and memory, and then what came into the
// pipe out of it.
func transfer(call uintptr, fd, drain int, addr uintptr) error {
	n, _, errno := unix.Syscall(call, uintptr(fd), addr, 1)
	if errno != 0 {
		return errno
	}
	if n != 1 {
		return fmt.Errorf("%d bytes", n)
	}
	if drain >= 0 {
		_, err := unix.Read(drain, make([]byte, 1))
		return err
	}
	return nil
}

func newPipe(t testing.TB) [2]int {
	t.Helper()
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(pipe[0])
		_ = unix.Close(pipe[1])
	})
	return pipe
}

func TestColoursShowInSmaps(t *testing.T) {
	key := newKey(t)
	if key <= 0 {
		t.Fatal(key)
	}
	addr := memory(t, 5)
	wantColours(t, addr, "rw-p 0", "rw-p 0", "rw-p 0", "rw-p 0", "rw-p 0")
	if err := Protect(addr+page, 2*page, ProtRead|ProtWrite, key); err != nil {
		t.Fatal(err)
	}
	coloured := func(perms string) string { return fmt.Sprintf("%s %d", perms, key) }
	wantColours(t, addr, "rw-p 0", coloured("rw-p"), coloured("rw-p"), "rw-p 0", "rw-p 0")

	// A part of a page is the page; the rights change with the colour.
	if err := Protect(addr+3*page, 1, ProtRead, key); err != nil {
		t.Fatal(err)
	}
	wantColours(t, addr, "rw-p 0", coloured("rw-p"), coloured("rw-p"), coloured("r--p"), "rw-p 0")

	// mprotect and discards keep it, mmap does not.
	if err := errors.Join(
		sys.Mprotect(addr+page, page, sys.PROT_NONE),
		sys.Madvise(addr+page, 3*page, sys.MADV_DONTNEED),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := sys.Mmap(addr+2*page, page, sys.PROT_READ|sys.PROT_WRITE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_FIXED, -1, 0); err != nil {
		t.Fatal(err)
	}
	wantColours(t, addr, "rw-p 0", coloured("---p"), "rw-p 0", coloured("r--p"), "rw-p 0")

	// Nothing is done for a length of 0, and key 0 takes the colour away.
	if err := Protect(addr, 0, ProtNone, key); err != nil {
		t.Error(err)
	}
	if err := Protect(addr, 5*page, ProtRead|ProtWrite, 0); err != nil {
		t.Fatal(err)
	}
	wantColours(t, addr, "rw-p 0", "rw-p 0", "rw-p 0", "rw-p 0", "rw-p 0")
}

// A new key is closed for the kernel working for any thread: the one that
// allocated it, those that were there, and those that come later.
func TestNewKeyIsClosedInAllThreads(t *testing.T) {
	testgate.Need(t, testgate.Pkey, Supported())
	const threads = 16
	addr, pipe := memory(t, 1), newPipe(t)
	var mu sync.Mutex // one pipe for all
	closed := func(who string) {
		mu.Lock()
		defer mu.Unlock()
		if err := peek(pipe, addr); !errors.Is(err, unix.EFAULT) {
			t.Errorf("%s reads: %v, want EFAULT", who, err)
		}
		if err := poke(pipe, addr); !errors.Is(err, unix.EFAULT) {
			t.Errorf("%s writes: %v, want EFAULT", who, err)
		}
		if _, err := unix.Read(pipe[0], make([]byte, 1)); err != nil { // the byte that poke could not deliver
			t.Errorf("%s: the pipe: %v", who, err)
		}
	}
	var there, wait sync.WaitGroup
	allocated := make(chan struct{})
	there.Add(threads)
	for range threads {
		wait.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			there.Done()
			<-allocated
			closed("a thread that was there before")
		})
	}
	there.Wait()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	key := newKey(t)
	if err := peek(pipe, addr); err != nil {
		t.Fatalf("before it is coloured: %v", err)
	}
	if err := Protect(addr, page, ProtRead|ProtWrite, key); err != nil {
		t.Fatal(err)
	}
	closed("the thread that allocated it")
	close(allocated)
	wait.Wait()
	for range threads {
		wait.Go(func() {
			runtime.LockOSThread() // and never unlock: the next one needs a new thread
			closed("a thread that came later")
		})
	}
	wait.Wait()
	if err := Protect(addr, page, ProtRead|ProtWrite, 0); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(peek(pipe, addr), poke(pipe, addr)); err != nil {
		t.Errorf("after the colour was taken away: %v", err)
	}
}

// A direct access is a fault with the address, and recoverable.
func TestTouchOfAClosedPage(t *testing.T) {
	key := newKey(t)
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	length := 3 * int(page)
	b, err := unix.Mmap(-1, 0, length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	addr := uintptr(sys.SlicePointer(b).Pointer())
	if err := Protect(addr+page, page, ProtRead|ProtWrite, key); err != nil {
		t.Fatal(err)
	}
	var loaded byte
	for name, touch := range map[string]func(i uintptr){
		"load":  func(i uintptr) { loaded += b[i] },
		"store": func(i uintptr) { b[i] = 1 },
	} {
		for _, i := range []uintptr{page, 2*page - 1} {
			got, err := faultOf(func() { touch(i) })
			if err != nil || got&^(page-1) != addr+page {
				t.Errorf("%s at %#x: fault at %#x (%v), want it within [%#x, %#x)", name, addr+i, got, err, addr+page, addr+2*page)
			}
		}
		for _, i := range []uintptr{page - 1, 2 * page} {
			if got, err := faultOf(func() { touch(i) }); err == nil {
				t.Errorf("%s beside the page: fault at %#x", name, got)
			}
		}
	}
	if loaded != 0 && loaded != 2 { // what the stores beside the page left, if they came first
		t.Errorf("loaded %d", loaded)
	}
}

// faultOf runs f and returns the address of the fault in it.
func faultOf(f func()) (addr uintptr, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r, ok := recover().(interface{ Addr() uintptr }); ok {
			addr, err = r.Addr(), nil
		}
	}()
	f()
	return 0, errors.New("no fault")
}

// All keys are taken, told apart from a machine without any, and given back.
func TestExhaustion(t *testing.T) {
	testgate.Need(t, testgate.Pkey, Supported())
	_, inChild, err := testgate.Child(t, time.Minute)
	if !inChild {
		if err != nil {
			t.Error(err)
		}
		return
	}
	var keys []Key
	take := func() {
		for {
			key, err := Alloc()
			if err != nil {
				if !errors.Is(err, ErrExhausted) || !errors.Is(err, unix.ENOSPC) || errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("after %d keys: %v", len(keys), err)
				}
				return
			}
			if key <= 0 || slices.Contains(keys, key) || len(keys) >= mostKeys {
				t.Fatalf("%v after %v", key, keys)
			}
			keys = append(keys, key)
		}
	}
	take()
	all := len(keys)
	t.Logf("%d keys: %v", all, keys)
	if (runtime.GOARCH == "amd64" || runtime.GOARCH == "386") && all != 15 {
		t.Errorf("%d keys, x86 has 15", all)
	}
	if err := Supported(); err != nil {
		t.Errorf("Supported with all keys taken: %v", err)
	}

	// One goes back and comes again.
	freed := keys[all/2]
	if err := freed.Free(); err != nil {
		t.Fatal(err)
	}
	keys = slices.Delete(keys, all/2, all/2+1)
	if err := freed.Free(); !errors.Is(err, ErrNotAllocated) || errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), freed.String()) {
		t.Errorf("freed twice: %v", err)
	}
	addr := memory(t, 1)
	if err := Protect(addr, page, ProtRead, freed); !errors.Is(err, ErrNotAllocated) || errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Protect with a key that was freed: %v", err)
	}
	wantColours(t, addr, "rw-p 0")
	take()
	if len(keys) != all || keys[all-1] != freed {
		t.Errorf("keys %v, want %v again", keys, freed)
	}

	for _, key := range keys {
		if err := key.Free(); err != nil {
			t.Error(err)
		}
	}
	keys = nil
	take()
	if len(keys) != all {
		t.Errorf("%d keys after all were freed, before %d", len(keys), all)
	}
}

// Freeing takes no colour away: that is the caller's part.
func TestFreeLeavesTheColour(t *testing.T) {
	key := newKey(t)
	addr, pipe := memory(t, 1), newPipe(t)
	if err := Protect(addr, page, ProtRead, key); err != nil {
		t.Fatal(err)
	}
	if err := key.Free(); err != nil {
		t.Fatal(err)
	}
	wantColours(t, addr, fmt.Sprintf("r--p %d", key))
	if err := peek(pipe, addr); !errors.Is(err, unix.EFAULT) {
		t.Errorf("reading it: %v, want EFAULT", err)
	}
	if err := Protect(addr, page, ProtRead, 0); err != nil {
		t.Fatal(err)
	}
	if err := peek(pipe, addr); err != nil {
		t.Error(err)
	}
}

func TestProtectRefuses(t *testing.T) {
	key := newKey(t)
	addr := memory(t, 3)
	if err := sys.Munmap(addr+page, page); err != nil {
		t.Fatal(err)
	}
	if err := Protect(addr, 3*page, ProtRead, key); !errors.Is(err, unix.ENOMEM) || !strings.Contains(err.Error(), "mapped") {
		t.Errorf("over a hole: %v", err)
	}
	if err := Protect(addr, page, 1<<20, key); !errors.Is(err, unix.EINVAL) || errors.Is(err, ErrNotAllocated) || !strings.Contains(err.Error(), "0x100000") {
		t.Errorf("rights that do not exist: %v", err)
	}
	if err := Protect(addr+2*page, page, ProtRead, mostKeys+1); !errors.Is(err, ErrNotAllocated) {
		t.Errorf("a key that cannot be: %v", err)
	}
	wantColours(t, addr+2*page, "rw-p 0")
	if _, err := sys.Mmap(addr+page, page, sys.PROT_NONE, sys.MAP_PRIVATE|sys.MAP_ANONYMOUS|sys.MAP_FIXED, -1, 0); err != nil {
		t.Fatal(err) // the test unmaps all three
	}
}

func TestProtectAllocatesNothing(t *testing.T) {
	key := newKey(t)
	addr := memory(t, 1)
	if n := testing.AllocsPerRun(100, func() {
		if err := Protect(addr, page, ProtRead|ProtWrite, key); err != nil {
			t.Fatal(err)
		}
		if err := Protect(addr, page, ProtRead|ProtWrite, 0); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		key, err := Alloc()
		if err == nil {
			err = key.Free()
		}
		if err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations of Alloc and Free", n)
	}
}
