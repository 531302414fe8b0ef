package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/resolver"
)

// A mapping whose pages come from a snapshot when they are first touched, 64 KiB at
// once, with a page behind it that nobody may touch.
func Example() {
	d, err := uffd.Open(uffd.Options{Wanted: uffd.FeaturePoison, UserMode: uffd.UserModeFallback})
	check(err)
	defer d.Close()
	r, err := resolver.Start(d, resolver.Options{})
	check(err)
	defer r.Stop()

	page := os.Getpagesize()
	mem, err := uffd.Map(65 * page)
	check(err)
	snapshot := make([]byte, 64*page)
	copy(snapshot[10*page:], "what was there")

	all := uffd.RangeOf(mem)
	inside := uffd.Range{Start: all.Start, Len: uint64(64 * page)}
	behind := uffd.Between(inside.End(), all.End())
	check(r.Serve(
		resolver.Rule{Range: inside, Missing: resolver.Copy, Source: snapshot, Granule: max(64<<10, uint64(page))},
		resolver.Rule{Range: behind, Missing: resolver.Guard},
	))

	fmt.Println(string(mem[10*page:][:14]))
	fmt.Println("beyond the end:", touch(mem, 64*page))
	hits, err := r.Hits(behind, nil)
	check(err)
	fmt.Println("hits:", len(hits), hits[0] == behind.Start)
	// It prints (see TestExample):
	// what was there
	// beyond the end: a fault
	// hits: 1 true
}

// touch reads a byte, if it can be read.
func touch(mem []byte, at int) (what string) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if f, ok := recover().(interface{ Addr() uintptr }); ok && f.Addr() != 0 {
			what = "a fault"
		}
	}()
	return fmt.Sprint(mem[at])
}

// Faults that only the program can resolve are handed over. Whoever waits for them has
// to do so in a system call, or the garbage collector waits too.
func ExampleResolver_Read() {
	d, err := uffd.Open(uffd.Options{})
	check(err)
	defer d.Close()
	r, err := resolver.Start(d, resolver.Options{})
	check(err)
	defer r.Stop()

	mem, err := uffd.Map(4 * os.Getpagesize())
	check(err)
	check(r.Serve(resolver.Rule{Range: uffd.RangeOf(mem), Missing: resolver.Hand}))

	done := make(chan error)
	go func() {
		messages := make([]resolver.Message, 16)
		for {
			n, err := r.Read(context.Background(), messages)
			if err != nil {
				done <- err
				return
			}
			for _, m := range messages[:n] {
				page := make([]byte, m.Page.Len)
				fmt.Fprintf(sliceWriter(page), "page %d", (m.Page.Start-uffd.RangeOf(mem).Start)/m.Page.Len)
				// It may have been asked for twice.
				if _, err := d.Copy(m.Page.Start, page, 0); errors.Is(err, uffd.ErrExists) {
					check(d.Wake(m.Page))
				} else {
					check(err)
				}
			}
		}
	}()
	check(unix.Madvise(mem, unix.MADV_POPULATE_READ)) // waits in a system call
	fmt.Println(string(mem[2*os.Getpagesize():][:6]))
	check(r.Stop())
	fmt.Println(errors.Is(<-done, resolver.ErrClosed))
	// It prints (see TestExampleRead):
	// page 2
	// true
}

type sliceWriter []byte

func (w sliceWriter) Write(b []byte) (int, error) { return copy(w, b), nil }

func check(err error) {
	if err != nil {
		panic(err)
	}
}
