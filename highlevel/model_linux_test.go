package highlevel

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/kernelcall"
	"github.com/pageslot/pageslot/memfd"

	"github.com/pageslot/pageslot/testgate"
)

// The model test runs random operations on a pool and on a plain model of it: a byte slice
// for each lease, and counts. After each operation the lease that it touched is compared
// in full; every so often everything is, and the pool checks itself against the kernel.
//
//	PAGESLOT_MODEL_SEED=n   replays a run; a failure prints it
//	PAGESLOT_MODEL_OPS=n    runs longer

func envUint(t testing.TB, name string, or uint64) uint64 {
	t.Helper()
	s := os.Getenv(name)
	if s == "" {
		return or
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

func TestModel(t *testing.T) {
	seed := envUint(t, "PAGESLOT_MODEL_SEED", rand.Uint64())
	ops := envUint(t, "PAGESLOT_MODEL_OPS", testgate.Rounds(uint64(1500), 150))
	for _, tt := range []struct {
		name string
		c    Config
		keys int
		fail int // one operation in so many fails; 0 for none
	}{
		{name: "plain", c: small(6)},
		{name: "failing", c: small(6), fail: 12},
		{name: "often failing", c: small(3), fail: 3},
		{name: "few warm", c: with(small(6), func(c *Config) { c.MaxWarm = 1 })},
		{name: "keep", c: with(small(4), func(c *Config) { c.KeepResident = 3 * pageSize }), fail: 20},
		{name: "slabs", c: with(small(9), func(c *Config) { c.MaxSlab = 64 * pageSize })},
		{name: "few mappings", c: with(small(9), func(c *Config) { c.MaxVMAs = 14 }), fail: 30},
		{name: "stripes", c: with(small(9), func(c *Config) { c.MaxMemory = 8 * pageSize }), keys: 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("replay with PAGESLOT_MODEL_SEED=%d PAGESLOT_MODEL_OPS=%d", seed, ops)
				}
			})
			if tt.c.MaxVMAs > 0 {
				tt.c.MaxVMAs += int(vmas.Load())
			}
			m := &model{T: t, rng: rand.New(rand.NewPCG(seed, 1)), fail: tt.fail}
			m.start(tt.c, tt.keys)
			defer m.end()
			for m.step = range ops {
				m.one()
			}
		})
	}
}

func with(c Config, f func(*Config)) Config { f(&c); return c }

// modelImage is an image and the bytes that it stands for.
type modelImage struct {
	im   *memfd.Image
	want []byte // from offset 0
}

// modelLease is a lease and all that its memory should hold, to the end of its last page.
type modelLease struct {
	Lease
	image  *modelImage
	size   uint64
	bytes  []byte
	tenant int
	broken bool // a growth failed: the slot is unknown
}

type model struct {
	*testing.T
	rng                *rand.Rand
	step               uint64
	fail               int
	failed             int // operations that the hook failed since begin
	remove             func()
	pool               *Pool
	max                uint64
	tenants            []*Tenant
	images             []*modelImage
	live               []*modelLease
	dead               []Lease // some that ended
	acquired, released uint64
}

func (m *model) start(c Config, keys int) {
	p, err := newPool(c, keys)
	if err != nil {
		m.Fatal(err)
	}
	m.pool, m.max = p, p.Layout().MaxMemory
	for range 4 {
		m.tenants = append(m.tenants, p.Tenant())
	}
	for range 3 {
		m.images = append(m.images, m.randomImage())
	}
	m.remove = kernelcall.Install(func(op kernelcall.Op, _ uint64) kernelcall.Verdict {
		if m.fail > 0 && m.rng.IntN(m.fail) == 0 {
			m.failed++
			return kernelcall.Fail(unix.ENOMEM)
		}
		return kernelcall.Verdict{}
	})
}

func (m *model) end() {
	m.remove()
	if m.Failed() {
		return
	}
	for len(m.live) > 0 {
		m.release(0)
	}
	for _, im := range m.images {
		m.closeImage(im)
	}
	m.checkAll()
	if err := m.pool.Close(); err != nil {
		m.Errorf("close: %v", err)
	}
	if m.acquired != m.released || m.acquired < testgate.Rounds(uint64(5), 1) {
		m.Errorf("%d leases begun, %d ended", m.acquired, m.released)
	}
}

func (m *model) fatalf(format string, args ...any) {
	m.Helper()
	m.Fatalf("operation %d: "+format, append([]any{m.step}, args...)...)
}

// allowed tells whether an error is one that the failing hook explains.
func (m *model) allowed(err error, before int) bool {
	return m.failed > before && errors.Is(err, unix.ENOMEM)
}

func (m *model) one() {
	switch n := m.rng.IntN(100); {
	case n < 30:
		m.acquire()
	case n < 50:
		m.onLive(m.write)
	case n < 60:
		m.onLive(m.grow)
	case n < 66:
		m.onLive(m.fault)
	case n < 88:
		if len(m.live) > 0 {
			m.release(m.rng.IntN(len(m.live)))
		}
	case n < 92:
		m.stale()
	case n < 95:
		m.purge()
	case n < 97:
		m.replaceImage()
	default:
		m.checkAll()
	}
}

func (m *model) onLive(f func(*modelLease)) {
	if len(m.live) == 0 {
		return
	}
	l := m.live[m.rng.IntN(len(m.live))]
	f(l)
	m.compare(l)
}

// size is a size that is often, but not always, whole pages.
func (m *model) size() uint64 {
	n := m.rng.Uint64N(m.max/pageSize+1) * pageSize
	if m.rng.IntN(3) == 0 && n > 0 {
		n -= m.rng.Uint64N(pageSize)
	}
	return n
}

func rounded64(n uint64) uint64 { return (n + pageSize - 1) &^ (pageSize - 1) }

func (m *model) acquire() {
	r := Request{Size: m.size(), Index: uint32(m.rng.IntN(2))}
	var im *modelImage
	if m.rng.IntN(3) > 0 {
		im = m.images[m.rng.IntN(len(m.images))]
		r.Image = im.im
	}
	tn := m.rng.IntN(len(m.tenants))
	before, stats := m.failed, m.pool.Stats()
	l, err := m.tenants[tn].AcquireMemory(r)
	if im != nil && im.im.End() > rounded64(r.Size) && im.im.Len() > 0 {
		if !errors.Is(err, ErrMemory) {
			m.fatalf("image to %d in %d bytes: %v", im.im.End(), r.Size, err)
		}
		return
	}
	if err != nil {
		full := len(m.live) == stats.Slots || stats.Stripes > 1 || m.pool.config.MaxVMAs > 0
		if !m.allowed(err, before) && !(errors.Is(err, ErrExhausted) && full) {
			m.fatalf("acquire %+v with %d live: %v", r, len(m.live), err)
		}
		return
	}
	m.acquired++
	ml := &modelLease{Lease: l, image: im, size: r.Size, tenant: tn, bytes: make([]byte, rounded64(r.Size))}
	if im != nil {
		copy(ml.bytes, im.want)
	}
	for _, other := range m.live {
		if other.Slot() == l.Slot() {
			m.fatalf("slot %d has two leases", l.Slot())
		}
		if stripes := m.pool.layout.Stripes; other.tenant == tn && other.Slot()%stripes != l.Slot()%stripes {
			m.fatalf("a tenant has slots %d and %d, of two stripes", other.Slot(), l.Slot())
		}
	}
	m.live = append(m.live, ml)
	m.compare(ml)
}

func (m *model) write(l *modelLease) {
	if len(l.bytes) == 0 {
		return
	}
	err := l.Do(func(v View) error {
		b := v.e.slot.bytes(uint64(len(l.bytes))) // the slack of the last page too
		for range 1 + m.rng.IntN(6) {
			off := m.rng.IntN(len(b))
			end := min(len(b), off+1+m.rng.IntN(3*int(pageSize)))
			mark := byte(m.rng.Uint32())
			for i := off; i < end; i++ {
				b[i], l.bytes[i] = mark, mark
			}
		}
		return nil
	})
	if err != nil {
		m.fatalf("write: %v", err)
	}
}

func (m *model) grow(l *modelLease) {
	to := m.size()
	before := m.failed
	err := l.Grow(to)
	switch {
	case to < l.size || to > m.max:
		if !errors.Is(err, ErrMemory) {
			m.fatalf("grow from %d to %d: %v", l.size, to, err)
		}
	case err == nil:
		l.size = to
		l.bytes = append(l.bytes, make([]byte, rounded64(to)-uint64(len(l.bytes)))...)
	case errors.Is(err, ErrExhausted) && m.pool.config.MaxVMAs > 0, errors.Is(err, ErrState) && l.broken:
	case m.allowed(err, before):
		l.broken = true
	default:
		m.fatalf("grow from %d to %d: %v", l.size, to, err)
	}
	if l.Size() != l.size {
		m.fatalf("size %d, should be %d", l.Size(), l.size)
	}
}

// fault goes out of bounds somewhere.
func (m *model) fault(l *modelLease) {
	lo, hi := uint64(len(l.bytes)), m.pool.layout.Faulting
	if m.pool.layout.Stripes > 1 {
		hi = m.max // without keys the neighbour's memory does not fault
	}
	if lo >= hi {
		return
	}
	off := int64(lo + m.rng.Uint64N(hi-lo))
	err := l.Do(func(v View) error { load(v.Base() + uintptr(off)); return nil })
	var f *FaultError
	if !errors.As(err, &f) || f.Offset != rounded(off) || f.Kind == FaultOther || f.Size != l.size {
		m.fatalf("access at %d of %d: %v", off, l.size, err)
	}
}

func (m *model) release(i int) {
	l := m.live[i]
	m.compare(l)
	before := m.failed
	err := l.Release()
	if err != nil && !m.allowed(err, before) {
		m.fatalf("release: %v", err)
	}
	m.released++
	m.live = append(m.live[:i], m.live[i+1:]...)
	if m.dead = append(m.dead, l.Lease); len(m.dead) > 20 {
		m.dead = m.dead[1:]
	}
}

func (m *model) stale() {
	if len(m.dead) == 0 {
		return
	}
	l := m.dead[m.rng.IntN(len(m.dead))]
	for _, err := range []error{l.Release(), l.Grow(m.max), l.Do(func(View) error { return nil })} {
		if !errors.Is(err, ErrReleased) {
			m.fatalf("use of an ended lease: %v", err)
		}
	}
}

func (m *model) purge() {
	im := m.images[m.rng.IntN(len(m.images))]
	before := m.failed
	if _, err := m.pool.Purge(im.im); err != nil && !m.allowed(err, before) {
		m.fatalf("purge: %v", err)
	}
}

// replaceImage closes an image that nobody leases, and makes another.
func (m *model) replaceImage() {
	i := m.rng.IntN(len(m.images))
	for _, l := range m.live {
		if l.image == m.images[i] {
			if err := l.image.im.Close(); l.image.im.Len() > 0 && !errors.Is(err, memfd.ErrInUse) {
				m.fatalf("close under a lease: %v", err)
			} else if l.image.im.Len() > 0 {
				return
			}
		}
	}
	m.closeImage(m.images[i])
	m.images[i] = m.randomImage()
}

func (m *model) closeImage(im *modelImage) {
	before := m.failed
	_, err := m.pool.Purge(im.im)
	if err != nil && !m.allowed(err, before) {
		m.fatalf("purge: %v", err)
	}
	if err := im.im.Close(); err != nil {
		m.fatalf("close of a purged image: %v", err)
	}
}

// randomImage is some segments, some of them zeros.
func (m *model) randomImage() *modelImage {
	want := make([]byte, m.rng.Uint64N(m.max/2+1))
	var segs []memfd.Segment
	for at := 0; at < len(want); {
		end := min(len(want), at+1+m.rng.IntN(3*int(pageSize)))
		if m.rng.IntN(3) > 0 {
			for i := at; i < end; i++ {
				want[i] = byte(m.rng.Uint32() | 1)
			}
		}
		segs = append(segs, memfd.Segment{Offset: uint64(at), Data: want[at:end]})
		at = end + m.rng.IntN(int(pageSize))
	}
	im, err := memfd.NewImage(segs, memfd.ImageOptions{})
	if err != nil {
		m.fatalf("image: %v", err)
	}
	return &modelImage{im, want}
}

func (m *model) compare(l *modelLease) {
	m.Helper()
	err := l.Do(func(v View) error {
		if v.Len() != l.size {
			return fmt.Errorf("size %d, should be %d", v.Len(), l.size)
		}
		got := v.e.slot.bytes(uint64(len(l.bytes)))
		if string(got) == string(l.bytes) {
			return nil
		}
		for i := range got {
			if got[i] != l.bytes[i] {
				return fmt.Errorf("byte %d is %#x, should be %#x", i, got[i], l.bytes[i])
			}
		}
		return nil
	})
	if err != nil {
		m.fatalf("slot %d: %v", l.Slot(), err)
	}
}

func (m *model) checkAll() {
	for _, l := range m.live {
		m.compare(l)
	}
	if err := m.pool.Check(); err != nil {
		m.fatalf("%v", err)
	}
	st := m.pool.Stats()
	if st.Leased != len(m.live) || st.Leased+st.Warm+st.Unmapped+st.Quarantined != st.Slots {
		m.fatalf("%d live: %+v", len(m.live), st)
	}
}
