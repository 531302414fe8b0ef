package uffd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// waiting waits until so many faults wait to be read, as the kernel counts them.
func waiting(t testing.TB, d *Descriptor, faults int) {
	t.Helper()
	path := fmt.Sprintf("/proc/self/fdinfo/%d", d.FD())
	for end := time.Now().Add(testgate.Stretch(t, 30*time.Second)); ; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(path)
		if err != nil {
			testgate.Skip(t, testgate.Proc, err.Error())
		}
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "pending:"); ok && strings.TrimSpace(rest) == fmt.Sprint(faults) {
				return
			}
		}
		if time.Now().After(end) {
			t.Fatalf("not %d faults:\n%s", faults, text)
		}
	}
}

// However many events there are and however many fit, each is taken once, in one
// call as many as there are and fit.
func TestBatches(t *testing.T) {
	needRaw(t)
	sizes := []int{17, 1, 16, 33, 15, 31, 32, 100}
	for _, faults := range sizes[:testgate.Rounds(len(sizes), 2)] {
		for _, room := range []int{faults, max(1, faults/2), faults + 1, 3 * faults}[:testgate.Rounds(4, 2)] {
			t.Run(fmt.Sprintf("%d faults and room for %d", faults, room), func(t *testing.T) {
				clean(t)
				d, a := mustOpen(t, Options{Wanted: FeatureThreadID}), anonymous(t, faults)
				register(t, d, a, ModeMissing)
				var all []*rawproc.Process
				threads := map[uint64]int{}
				for i := range faults {
					p := share(t, rawproc.Store(a.addr(i), 1))
					all = append(all, p)
					threads[a.addr(i)] = p.Pid()
				}
				waiting(t, d, faults)
				events := make([]Event, room)
				for left := faults; left > 0; {
					n, err := d.TryRead(events)
					if err != nil || n != min(left, room) {
						t.Fatalf("%d events, %v; %d are left and %d fit", n, err, left, room)
					}
					left -= n
					for _, e := range events[:n] {
						f := e.Fault()
						thread, ok := threads[f.Address]
						if e.Kind != EventPagefault || !ok || f.Flags != FaultWrite || f.Thread != 0 && int(f.Thread) != thread {
							t.Errorf("%v, want a write to a page by thread %d", &e, thread)
						}
						delete(threads, f.Address)
					}
				}
				if n, err := d.TryRead(events); n != 0 || !errors.Is(err, unix.EAGAIN) {
					t.Errorf("%d events more, %v", n, err)
				}
				if n, err := d.Zero(a.Range, 0); n != a.Len || err != nil {
					t.Errorf("Zero: %d, %v", n, err)
				}
				for _, p := range all {
					ended(t, p)
				}
			})
		}
	}
}

// Several readers of a descriptor share its events: each goes to one of them.
func TestManyReaders(t *testing.T) {
	clean(t)
	events := testgate.Rounds(60, 20)
	d, a := mustOpen(t, Options{Required: FeatureEventRemove}), anonymous(t, events)
	register(t, d, a, ModeMissing)
	var mu sync.Mutex
	seen := map[Range]int{}
	var readers, callers sync.WaitGroup
	for i := range 8 {
		readers.Go(func() {
			batch := make([]Event, 1+i%3)
			for {
				n, err := d.Read(batch)
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, e := range batch[:n] {
					seen[e.Removed()]++
				}
				mu.Unlock()
			}
		})
	}
	for i := range events {
		callers.Go(func() {
			if err := sys.Madvise(uintptr(a.addr(i)), page, unix.MADV_DONTNEED); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait() // each until its event was read
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
	for i := range events {
		if n := seen[a.pages(i, 1)]; n != 1 {
			t.Errorf("page %d was reported %d times", i, n)
		}
	}
	if len(seen) != events {
		t.Errorf("%d ranges, want %d", len(seen), events)
	}
}

// message is what the kernel writes, made by hand.
func message(kind uint8, words ...uint64) []byte {
	m := make([]byte, 32)
	m[0] = kind
	for i, w := range words {
		binary.NativeEndian.PutUint64(m[8+8*i:], w)
	}
	return m
}

// decoded is a message of 32 bytes as an event.
func decoded(m []byte) Event {
	raw := [1]sys.UffdMsg{{Event: m[0], Reserved1: m[1], Reserved2: binary.NativeEndian.Uint16(m[2:]), Reserved3: binary.NativeEndian.Uint32(m[4:])}}
	for i := range raw[0].Arg.Raw {
		raw[0].Arg.Raw[i] = binary.NativeEndian.Uint64(m[8+8*i:])
	}
	e := []Event{{Kind: 1, arg: [3]uint64{1, 2, 3}, child: new(Descriptor)}, {Kind: 2}} // nothing of the first may stay
	if forks := decode(e, raw[:]); forks != (m[0] == byte(EventFork)) || e[1] != (Event{Kind: 2}) {
		panic("the fork, or the event after it")
	}
	return e[0]
}

// pagefault is such a message: the thread's id has 32 bits in the word.
func pagefault(flags FaultFlags, address uint64, thread uint32) []byte {
	m := message(uint8(EventPagefault), uint64(flags), address)
	binary.NativeEndian.PutUint32(m[24:], thread)
	return m
}

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		message []byte
		text    string
		fault   Fault
		remap   Remap
		removed Range
	}{
		{pagefault(0, 0x1000, 0), "PAGEFAULT: read of 0x1000 (missing)", Fault{Address: 0x1000}, Remap{}, Range{}},
		{pagefault(FaultWrite, 0x12345, 77), "PAGEFAULT: write of 0x12345 (missing) by thread 77",
			Fault{0x12345, FaultWrite, 77}, Remap{}, Range{}},
		{pagefault(FaultWP|FaultWrite, 0x1000, 1<<32-1), "PAGEFAULT: write of 0x1000 (WP) by thread 4294967295",
			Fault{0x1000, FaultWP | FaultWrite, 1<<32 - 1}, Remap{}, Range{}},
		{pagefault(FaultMinor, 1<<63, 0), "PAGEFAULT: read of 0x8000000000000000 (MINOR)", Fault{1 << 63, FaultMinor, 0}, Remap{}, Range{}},
		{pagefault(FaultRWP|1<<40, 0, 0), "PAGEFAULT: read of 0x0 (RWP|0x10000000000)", Fault{0, FaultRWP | 1<<40, 0}, Remap{}, Range{}},
		{pagefault(FaultWrite|1<<40, 0, 0), "PAGEFAULT: write of 0x0 (missing|0x10000000000)", Fault{0, FaultWrite | 1<<40, 0}, Remap{}, Range{}},
		{message(uint8(EventRemap), 0x1000, 0x8000, 0x2000), "REMAP: [0x1000, 0x3000) to 0x8000", Fault{}, Remap{0x1000, 0x8000, 0x2000}, Range{}},
		{message(uint8(EventRemove), 0x1000, 0x3000), "REMOVE: [0x1000, 0x3000)", Fault{}, Remap{}, Range{0x1000, 0x2000}},
		{message(uint8(EventUnmap), 0x1000, 0), "UNMAP: [0x1000, 0x0)", Fault{}, Remap{}, Range{0x1000, ^uint64(0xfff)}},
		{message(uint8(EventFork), 3), "FORK", Fault{}, Remap{}, Range{}},
		{message(0, 1, 2, 3), "EventKind(0x0): [0x1 0x2 0x3]", Fault{}, Remap{}, Range{}},
		{message(0xff, 1, 2, 1<<63), "EventKind(0xff): [0x1 0x2 0x8000000000000000]", Fault{}, Remap{}, Range{}},
	} {
		e := decoded(test.message)
		if e.String() != test.text {
			t.Errorf("%q, want %q", e.String(), test.text)
		}
		if e.Fault() != test.fault || e.Remap() != test.remap || e.Removed() != test.removed || e.Child() != nil {
			t.Errorf("%s: %+v, %+v, %+v", test.text, e.Fault(), e.Remap(), e.Removed())
		}
		if e.Fault().Flags.Missing() != (e.Fault().Flags&(FaultWP|FaultMinor|FaultRWP) == 0) {
			t.Errorf("%s: missing %v", test.text, e.Fault().Flags.Missing())
		}
	}
}

// Whatever a kernel may write one day is an event of some kind, with its words.
func FuzzDecode(f *testing.F) {
	for _, kind := range []EventKind{0, EventPagefault, EventFork, EventRemap, EventRemove, EventUnmap, 0xff} {
		f.Add(message(uint8(kind), 1, 2, 3))
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		m = slices.Grow(m, 32)[:32]
		e := decoded(m)
		raw := e.Raw()
		if uint8(e.Kind) != m[0] || !slices.Equal(message(m[0], raw[:]...)[8:], m[8:]) || e.Child() != nil {
			t.Errorf("% x became %v", m, raw)
		}
		fault, remap, removed := e.Fault(), e.Remap(), e.Removed()
		if e.Kind != EventPagefault && fault != (Fault{}) || e.Kind != EventRemap && remap != (Remap{}) ||
			e.Kind != EventRemove && e.Kind != EventUnmap && removed != (Range{}) {
			t.Errorf("%v has %+v, %+v, %+v", e.Kind, fault, remap, removed)
		}
		if e.Kind == EventPagefault && (uint64(fault.Flags) != raw[0] || fault.Address != raw[1]) {
			t.Errorf("%+v of %#x", fault, raw)
		}
		if e.String() == "" {
			t.Error("no text")
		}
	})
}
