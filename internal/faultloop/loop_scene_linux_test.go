package faultloop

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
)

// scene is served memory and the loop that serves it. Go touches none of its pages
// before they are there: processes do, which can be killed.
type scene struct {
	*Loop
	t      testing.TB
	d      *uffd.Descriptor
	mem    []byte
	source memory // as large as mem; every byte of page i is mark(i)
	notes  memory // a byte for each page for hits, then as many for writes
	gone   []bool // pages that the test has unmapped
}

// mark is what page i of a source holds, never 0.
func mark(i int) byte { return byte(i%250 + 1) }

// newScene is private memory of some pages, all missing, and a loop without rules.
func newScene(t testing.TB, pages int, c Config, features uffd.Features) *scene {
	t.Helper()
	mem, err := unix.Mmap(-1, 0, pages*pageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	// Nobody's huge page may fill what is to be missing.
	if err := unix.Madvise(mem, unix.MADV_NOHUGEPAGE); err != nil && !errors.Is(err, unix.EINVAL) {
		t.Fatal(err)
	}
	var s *scene
	t.Cleanup(func() { // after the descriptor is closed: nobody reads events by then
		for i := range pages {
			if s != nil && s.gone[i] {
				continue
			}
			if err := sys.Munmap(uintptr(uffd.RangeOf(mem).Start)+uintptr(i*pageSize), uintptr(pageSize)); err != nil {
				t.Error(err)
			}
		}
	})
	s = newSceneOf(t, mem, c, features)
	s.gone = make([]bool, pages)
	return s
}

// unmap has a process unmap pages. By the end of the test something else may be there, of
// Go's runtime even: only the others are unmapped then.
func (s *scene) unmap(i, n int) *rawproc.Process {
	s.t.Helper()
	for j := range n {
		s.gone[i+j] = true
	}
	r := s.pages(i, n)
	return s.run(rawproc.Syscall(sys.SYS_MUNMAP, r.Start, r.Len))
}

func newSceneOf(t testing.TB, mem []byte, c Config, features uffd.Features) *scene {
	t.Helper()
	testgate.Need(t, testgate.Port, Supported())
	testgate.Need(t, testgate.Port, rawproc.Supported())
	s := &scene{t: t, mem: mem, d: descriptor(t, features), source: block(t, len(mem)), notes: block(t, 2*len(mem)/pageSize)}
	for i := range s.source {
		s.source[i] = mark(i / pageSize)
	}
	c.FD = s.d.FD()
	s.Loop = begin(t, c)
	return s
}

// descriptor opens one that has the features.
func descriptor(t testing.TB, features uffd.Features) *uffd.Descriptor {
	t.Helper()
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.Userfaultfd, err)
	if features != 0 {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		d, err = uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback, Required: features})
		testgate.Need(t, testgate.UffdFeature, err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// poison tells whether a loop may try it: kernels of mips stop when a page is touched
// that has it. Where there is no such call, that is a path of the loop, too.
func poison() bool { return runtime.GOARCH != "mips64le" }

// begin starts a loop with what c leaves open.
func begin(t testing.TB, c Config) *Loop {
	t.Helper()
	if c.Threads == 0 {
		c.Threads = 1
	}
	if c.Batch == 0 {
		c.Batch = 8
	}
	if c.Slots == 0 {
		c.Slots = 16
	}
	l, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if l.threads != nil {
			halt(t, l)
		}
	})
	return l
}

// halt stops a loop.
func halt(t testing.TB, l *Loop) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 30*time.Second))
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// block is populated memory that is not Go's.
func block(t testing.TB, n int) memory {
	t.Helper()
	m, err := newMemory(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(m); err != nil {
			t.Error(err)
		}
	})
	return m
}

// pages are n pages of the memory, from page i on.
func (s *scene) pages(i, n int) uffd.Range {
	r := uffd.RangeOf(s.mem)
	return uffd.Range{Start: r.Start + uint64(i*pageSize), Len: uint64(n * pageSize)}
}

func (s *scene) addr(i int) uint64 { return s.pages(i, 1).Start }

func (s *scene) register(i, n int, mode uffd.Mode) {
	s.t.Helper()
	if _, err := s.d.Register(s.pages(i, n), mode); err != nil {
		s.t.Fatal(err)
	}
}

// rule is one for n pages, from page i on, which says nothing yet of what to do.
func (s *scene) rule(i, n int) Rule {
	r := s.pages(i, n)
	return Rule{
		Start: r.Start, End: r.End(), Unit: uint64(pageSize), Granule: uint64(pageSize),
		Source: s.source.at(i * pageSize), SourceLen: r.Len,
		Hits: s.notes.at(i), Writes: s.notes.at(len(s.mem)/pageSize + i),
	}
}

func (s *scene) rules(rules ...Rule) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), testgate.Stretch(s.t, 30*time.Second))
	defer cancel()
	if err := s.SetRules(ctx, rules); err != nil {
		s.t.Fatal(err)
	}
}

// hits and writes are the notes about page i.
func (s *scene) hits(i int) byte   { return s.notes[i] }
func (s *scene) writes(i int) byte { return s.notes[len(s.mem)/pageSize+i] }
