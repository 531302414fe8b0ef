package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/oracle"
)

func TestLatency(t *testing.T) {
	for _, n := range []uint64{0, 1, 31, 32, 33, 63, 64, 65, 1000, 1 << 40, math.MaxInt64} {
		i := bucket(n)
		if top := bucketTop(i); top < n || float64(top) > float64(n)*(1+1.0/perOctave)+1 {
			t.Errorf("%d is in bucket %d, which ends at %d", n, i, top)
		}
		if i > 0 && bucketTop(i-1) >= n {
			t.Errorf("%d fits in bucket %d too", n, i-1)
		}
	}
	var l latency
	if l.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	l.add(math.MaxInt64)
	l.add(-5)
	if l.quantile(0) != 0 || l.quantile(0.5) != 0 || l.quantile(1) < math.MaxInt64>>1 {
		t.Errorf("%v %v %v", l.quantile(0), l.quantile(0.5), l.quantile(1))
	}

	// Against the sorted list.
	var a, b latency
	var all []time.Duration
	r := rand.New(rand.NewPCG(1, 1))
	for i := range 5000 {
		d := time.Duration(math.Exp(r.Float64() * 20))
		all = append(all, d)
		if i%3 == 0 {
			a.add(d)
		} else {
			b.add(d)
		}
	}
	a.merge(&b)
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 1} {
		want := all[int(math.Ceil(q*float64(len(all))))-1]
		if got := a.quantile(q); got < want || float64(got) > float64(want)*1.04+1 {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { a.add(12345) }); n != 0 {
		t.Errorf("%v allocations to count a duration", n)
	}
}

// The places of a miss, against each byte of small layouts.
func TestTargets(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const page = 4096
	for range 2000 {
		c := highlevel.Constraints{
			Slots: 1 + r.IntN(4), MaxMemory: r.Uint64N(3 * page), Reservation: r.Uint64N(5 * page), Guard: r.Uint64N(2 * page),
			GuardBefore: r.IntN(2) == 0, PageSize: page,
		}
		if r.IntN(3) == 0 {
			c.Guard = 0
		}
		l, err := highlevel.NewLayout(c)
		if err != nil {
			t.Fatal(err)
		}
		if l.SlotBytes == 0 {
			continue
		}
		g := newGeometry(l, highlevel.Config{MaxMemory: c.MaxMemory, Reservation: c.Reservation, Guard: c.Guard})
		if g.faulting != l.Faulting || g.max != l.MaxMemory {
			t.Fatalf("%+v: faulting %d, at most %d", l, g.faulting, g.max)
		}
		// Two slabs, if there is more than one slot: the second begins with slot 1.
		const gap = 100 * page
		for i := range g.bases {
			g.bases[i] = uintptr(gap + l.SlotOffset(i))
			if i > 0 {
				g.bases[i] += gap
			}
		}
		if err := g.check(); err != nil {
			t.Fatalf("%+v: %v", l, err)
		}
		slot := r.IntN(c.Slots)
		access := roundUp(r.Uint64N(l.MaxMemory+1), page)
		first := min(slot, 1)
		before := int64(l.Before(first, slot))
		if slot == 1 {
			before = int64(l.PreGuard)
		}
		inaccessible := func(off int64) bool {
			return off >= int64(access) && off < int64(l.Faulting) || off < 0 && off >= -before
		}
		want := [numPlaces]int64{int64(access), int64(access) + 4095, int64(l.Faulting) - 1, -1, -page}
		for p := range numPlaces {
			got, ok := g.target(slot, access, p)
			if got.off != want[p] || ok != inaccessible(want[p]) {
				t.Fatalf("%+v, slot %d with %d: %v is %+v, %v; want %d, %v", l, slot, access, p, got, ok, want[p], inaccessible(want[p]))
			}
			if !ok {
				continue
			}
			start, end := got.run(copyBytes, page)
			if start > got.off || end <= got.off || end-start > copyBytes || start != got.off && end != got.off+1 {
				t.Fatalf("%v: copies [%d, %d) for %d", p, start, end, got.off)
			}
			guard := got.off < 0 || uint64(got.off) >= l.Faulting-roundUp(c.Guard, page)
			if guard != (got.kind == highlevel.FaultGuard) {
				t.Fatalf("%+v: %v at %d is %v", l, p, got.off, got.kind)
			}
			for _, x := range []int64{start, end - 1} {
				if !inaccessible(x) || (x < 0) != (got.off < 0) || x >= 0 && uint64(x) >= l.Faulting-roundUp(c.Guard, page) != guard {
					t.Fatalf("%+v: the copy for %v at %d has %d in it", l, p, got.off, x)
				}
			}
		}
	}
}

func TestGeometryCheck(t *testing.T) {
	g := geometry{bases: []uintptr{0x9000, 0x1000, 0x5000}, stripes: 1, slotBytes: 0x4000, faulting: 0x4000, page: 0x1000}
	if err := g.check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []uintptr{0, 0x5000, 0x1800, 0x2000, 0x8000} {
		g.bases[1] = bad
		if g.check() == nil {
			t.Errorf("a slot at %#x is not noticed", bad)
		}
	}
	g.bases[1] = 0x1000
	if g.faulting = 0x5000; g.check() == nil {
		t.Error("a slot in another's faulting region is not noticed")
	}
	// In turn, the next slot of a stripe is twice as far away.
	if g.stripes = 2; g.check() == nil {
		t.Error("slots 0 and 2 are of one stripe")
	}
	if g.bases[0], g.bases[1], g.bases[2] = 0x1000, 0x5000, 0x9000; g.check() != nil {
		t.Error(g.check())
	}
}

func TestCompare(t *testing.T) {
	o := oracle.Pattern{Page: 64, Pages: 50}
	mem := make([]byte, 4000)
	o.Fill(mem, 0)
	buf := make([]byte, 256)
	if n, bad := compare(mem, o, 0, 4000, buf); n != 4000 || bad != nil {
		t.Errorf("%d bytes, %+v", n, bad)
	}
	if n, bad := compare(mem, o, 17, 17, buf); n != 0 || bad != nil {
		t.Errorf("%d bytes, %+v", n, bad)
	}
	for _, at := range []uint64{0, 1, 255, 256, 1000, 3999} {
		mem[at] ^= 0x80
		_, bad := compare(mem, o, 0, 4000, buf)
		if bad == nil || bad.off != at || bad.got != mem[at] || bad.want != mem[at]^0x80 {
			t.Errorf("byte %d: %+v", at, bad)
		}
		if _, bad := compare(mem, o, at+1, 4000, buf); bad != nil {
			t.Errorf("behind byte %d: %+v", at, bad)
		}
		if _, bad := compare(mem, o, 0, at, buf); bad != nil {
			t.Errorf("ahead of byte %d: %+v", at, bad)
		}
		mem[at] ^= 0x80
	}
}

func TestFindings(t *testing.T) {
	var f findings
	f.general("nothing", nil)
	if f.n.Load() != 0 || f.tooMany() {
		t.Error("no error is a finding")
	}
	f.general("some", errors.Join(errors.New("one"), errors.New("two"), errors.New("three")))
	if s := f.first[0].String(); s != "some: one (and 2 lines more)" {
		t.Errorf("%q", s)
	}
	for i := range mostFindings {
		f.add(finding{What: "bad", Slot: i, Image: "an image", Offset: 0x1000, Want: hexByte(1), Got: hexByte(0xff)})
	}
	if !f.tooMany() || len(f.first) != mostKept {
		t.Errorf("%d findings, %d kept", f.n.Load(), len(f.first))
	}
	if s := f.first[4].String(); s != "slot 3 (an image) at offset 0x1000: bad: want 0x01, got 0xff" {
		t.Errorf("%q", s)
	}
	if s := (finding{What: "all is bad", Slot: -1}).String(); s != "all is bad" {
		t.Errorf("%q", s)
	}
}

func TestPatience(t *testing.T) {
	var done atomic.Int64
	p := patience{limit: time.Minute, done: &done}
	if !p.wait() || !p.wait() {
		t.Error("no patience at all")
	}
	p.since = p.since.Add(-time.Minute - time.Second)
	if p.wait() {
		t.Error("patience without end")
	}
	done.Add(1)
	if !p.wait() {
		t.Error("no patience though others get on")
	}
}

func TestProgress(t *testing.T) {
	b := written{first: make(chan struct{})}
	p := &progress{to: &b}
	if p.line(3) != "" {
		t.Error("a line before the first phase")
	}
	p.phase("waiting", 0)
	if s := p.line(3); s != "waiting" {
		t.Errorf("%q", s)
	}
	p.phase("leases", 12345)
	if s := p.line(1234); s != "leases: 1,234 of 12,345" {
		t.Errorf("%q", s)
	}
	var done atomic.Int64
	stop := p.start(&done)
	<-b.first
	stop()
	if s := b.text.String(); !strings.Contains(s, "\rleases: 0 of 12,345\x1b[K") || !strings.HasSuffix(s, "\r\x1b[K") {
		t.Errorf("%q", s)
	}

	for _, w := range []io.Writer{&b.text, notTerminal(t)} {
		quiet := newProgress(w)
		quiet.start(&done)()
		if quiet.to != nil {
			t.Errorf("%T is taken for a terminal", w)
		}
	}
}

// written tells when something is.
type written struct {
	text  bytes.Buffer
	once  sync.Once
	first chan struct{}
}

func (w *written) Write(p []byte) (int, error) {
	defer w.once.Do(func() { close(w.first) })
	return w.text.Write(p)
}

func notTerminal(t *testing.T) *os.File {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestShort(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0s", 7: "7ns", 999: "999ns", 1234: "1.23µs", 99999: "100µs", 1234567: "1.23ms", 61234567890: "1m1.2s"} {
		if got := short(d); got != want {
			t.Errorf("%d: %q, want %q", d, got, want)
		}
	}
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", math.MaxUint64: "18,446,744,073,709,551,615"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// What the outcome of a miss must be.
func TestWrongOutcome(t *testing.T) {
	const page = 4096
	m := miss{byCopy, false, 0x0f00, 0x1000, 0x1100, highlevel.FaultOutOfBounds}
	lease := &tenancy{size: 0x1000}
	good := highlevel.FaultError{Slot: lease.lease.Slot(), Offset: 0x1000, Size: 0x1000, Kind: highlevel.FaultOutOfBounds, Cause: errors.New("the runtime's")}
	last := good
	last.Offset = 0x10ff
	for _, f := range []highlevel.FaultError{good, last} {
		if why := m.wrong(fmt.Errorf("wrapped: %w", &f), lease, page); why != "" {
			t.Errorf("%+v: %s", f, why)
		}
	}
	change := func(f func(*highlevel.FaultError)) error {
		e := good
		f(&e)
		return &e
	}
	for why, err := range map[string]error{
		"went through": errNoFault,
		"ended":        errors.New("something else"),
		"blamed on":    change(func(e *highlevel.FaultError) { e.Slot = 5 }),
		"of size":      change(func(e *highlevel.FaultError) { e.Size-- }),
		"taken for":    change(func(e *highlevel.FaultError) { e.Kind = highlevel.FaultGuard }),
		"0xfff":        change(func(e *highlevel.FaultError) { e.Offset = 0xfff }),
		"0x1100":       change(func(e *highlevel.FaultError) { e.Offset = 0x1100 }),
	} {
		if got := m.wrong(err, lease, page); !strings.Contains(got, why) {
			t.Errorf("%v: %q, want %q", err, got, why)
		}
	}
	if got := m.wrong(nil, lease, page); got == "" {
		t.Error("no error at all is right")
	}
}
