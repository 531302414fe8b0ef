package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/bytesize"

	"github.com/pageslot/pageslot/testgate"
)

// usual is a host with the limits that most have.
func usual() host {
	return host{
		pageSize: 4096, maxMappings: 65530, mappings: 30, top: 1 << 47,
		try: func([]highlevel.Slab) error { return nil },
	}
}

// small is a host of 32 bits; its defaults suit every system.
func small() host {
	h := usual()
	h.top = 3 << 30
	return h
}

// callLayout runs the command as if on h.
func callLayout(h host, args ...string) called {
	var out, errs bytes.Buffer
	status := planLayout(h, args, &out, &errs)
	return called{status, out.String(), errs.String()}
}

// wide tells whether plans of many GiB fit this system's addresses. Where they
// don't, the tests ask that they are refused.
const wide = ^uintptr(0)>>32 != 0

func TestLayoutGolden(t *testing.T) {
	limited := usual()
	limited.limit = 8 << 30
	full := usual()
	full.try = func([]highlevel.Slab) error { return errors.New("mmap of slab 0: cannot allocate memory") }
	unknown := host{
		pageSize: 16 << 10, maxMappings: -1, mappings: -1,
		try: func([]highlevel.Slab) error { return errors.ErrUnsupported },
	}
	largePages := small()
	largePages.pageSize = 64 << 10

	for _, test := range []struct {
		name  string
		h     host
		large bool // more than 32-bit addresses can plan
		args  []string
	}{
		{"default", usual(), true, nil},
		{"keys", usual(), true, []string{"-keys", "15", "-max-memory", "512MiB"}},
		{"slabs", usual(), true, []string{"-keys", "15", "-max-memory", "275MiB", "-slots", "200000"}},
		{"few", usual(), true, []string{"-keys", "15", "-max-memory", "512MiB", "-slots", "6"}},
		{"two", full, false, []string{"-keys", "2", "-max-memory", "64KiB", "-reservation", "64KiB", "-guard", "4096", "-slots", "4", "-guard-before=false"}},
		{"empty", usual(), false, []string{"-slots", "0", "-max-memory", "1MiB", "-reservation", "1MiB", "-guard", "1MiB"}},
		{"nothing", usual(), false, []string{"-slots", "3", "-max-memory", "0", "-reservation", "0", "-guard", "0"}},
		{"zero-memory", usual(), false, []string{"-slots", "3", "-max-memory", "0", "-reservation", "1MiB", "-guard", "64KiB", "-keys", "15"}},
		{"odd-sizes", unknown, false, []string{"-slots", "30", "-max-memory", "100001", "-reservation", "1", "-guard", "1", "-keys", "3"}},
		{"limited", limited, true, []string{"-slots", "5", "-max-memory", "4GiB", "-reservation", "4GiB"}},
		{"three-gib", largePages, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.large && !wide {
				checkOneLine(t, callLayout(test.h, test.args...), exitFailed, "address space")
				return
			}
			for _, form := range []struct {
				suffix string
				args   []string
			}{{".txt", test.args}, {".json", append([]string{"-json"}, test.args...)}} {
				got := callLayout(test.h, form.args...)
				if got.status != exitOK || got.stderr != "" {
					t.Fatalf("%q: %+v", form.args, got)
				}
				checkGolden(t, "layout/"+test.name+form.suffix, got.stdout)
			}
		})
	}
}

func TestLayoutBadUsage(t *testing.T) {
	for _, test := range []struct {
		args  []string
		words []string
	}{
		{[]string{"-slots", "-1"}, []string{"-slots -1", "0 or more"}},
		{[]string{"-slots", "many"}, []string{"-slots", `"many"`}},
		{[]string{"-slots", "99999999999999999999"}, []string{"-slots"}},
		{[]string{"-keys", "-15"}, []string{"-keys -15", "0 or more"}},
		{[]string{"-max-memory", "4GB"}, []string{"-max-memory", `"4GB"`}},
		{[]string{"-reservation", "-1"}, []string{"-reservation", `"-1"`}},
		{[]string{"-guard", ""}, []string{"-guard", "empty"}},
		{[]string{"-guard-before=2"}, []string{"-guard-before", `"2"`}},
		{[]string{"-json=perhaps"}, []string{"-json"}},
		{[]string{"4GiB"}, []string{`"4GiB"`}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			checkOneLine(t, callLayout(usual(), test.args...), exitUsage, append(test.words, "pageslot layout:")...)
		})
	}
}

func TestLayoutImpossible(t *testing.T) {
	for _, test := range []struct {
		args  []string
		words []string
	}{
		{[]string{"-guard", "18446744073709551615"}, []string{"-guard 18446744073709551615", "address space", "at most"}},
		{[]string{"-max-memory", "15EiB", "-guard", "2EiB"}, []string{"address space"}},
		{[]string{"-reservation", "18446744073709551615"}, []string{"-reservation 18446744073709551615"}},
		{[]string{"-slots", "2147483647", "-reservation", "1EiB"}, []string{"address space"}},
		{[]string{"-slots", "1000000000", "-reservation", "4294967295"}, []string{"address space"}},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			checkOneLine(t, callLayout(small(), test.args...), exitFailed, append(test.words, "pageslot layout:")...)
			checkOneLine(t, callLayout(small(), append(test.args, "-json")...), exitFailed, test.words...)
		})
	}
}

func TestLayoutOutputLost(t *testing.T) {
	for _, args := range [][]string{nil, {"-json"}} {
		var errs bytes.Buffer
		status := planLayout(small(), args, full{}, &errs)
		checkOneLine(t, called{status: status, stderr: errs.String()}, exitFailed, "no space left")
	}
}

// The figures that keys were made for: 15 keys, 4 GiB + 32 MiB.
func TestLayoutDensity(t *testing.T) {
	for maxMemory, want := range map[string]string{
		"4GiB": "1.01", "1GiB": "4.03", "512MiB": "8.06", "275MiB": "15.00", "1MiB": "15.00",
	} {
		got := callLayout(usual(), "-keys", "15", "-max-memory", maxMemory, "-reservation", "4GiB", "-guard", "32MiB", "-json")
		if !wide {
			checkOneLine(t, got, exitFailed, "address space")
			continue
		}
		var r struct {
			Stripes int     `json:"stripes"`
			Density float64 `json:"density"`
		}
		if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
			t.Fatalf("%v: %+v", err, got)
		}
		if fmt.Sprintf("%.2f", r.Density) != want || float64(r.Stripes) < r.Density {
			t.Errorf("-max-memory %s: density %v with %d stripes, want %s", maxMemory, r.Density, r.Stripes, want)
		}
	}
}

// randomPlan is a plan of plausible sizes, of any proportion.
func randomPlan(t *testing.T, r *rand.Rand) *poolPlan {
	t.Helper()
	h := usual()
	size := func(most int) uint64 { return r.Uint64N(1 << r.IntN(most)) }
	for {
		p, err := newPoolPlan(highlevel.Constraints{
			Slots: int(size(24)), MaxMemory: size(34), Reservation: size(34), Guard: size(34),
			GuardBefore: r.IntN(2) == 0, Keys: r.IntN(20), PageSize: 4096 << r.IntN(5),
		}, h)
		if err == nil {
			return p
		}
		if !errors.Is(err, highlevel.ErrAddressSpace) {
			t.Fatal(err)
		}
	}
}

// Whatever the plan, its text stays within 80 columns of plain characters.
func TestLayoutTextIsNarrow(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range testgate.Rounds(2000, 200) {
		p := randomPlan(t, r)
		text := p.text()
		for line := range strings.Lines(text) {
			if line = strings.TrimSuffix(line, "\n"); len(line) > 80 || strings.TrimRight(line, " ") != line ||
				strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c > '~' }) {
				t.Fatalf("seed %d, %+v: %d columns: %q", seed, p.constraints, len(line), line)
			}
		}
	}
}

func TestPlanSize(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0", 4096: "4KiB", 1023 << 20: "1023MiB", 4128 << 20: "4128MiB", 288571392: "275.2MiB", 1<<40 + 4096: "1TiB", 12345: "12345",
	} {
		if got := planSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// Why there is one stripe, for each reason; and none where there are more.
func TestOneStripe(t *testing.T) {
	const mib = 1 << 20
	c := highlevel.Constraints{Slots: 9, MaxMemory: mib, Reservation: 4 * mib, Guard: mib, Keys: 15, PageSize: 4096}
	for _, test := range []struct {
		change func(c *highlevel.Constraints)
		want   string
	}{
		{func(c *highlevel.Constraints) {}, ""},
		{func(c *highlevel.Constraints) { c.Slots = 0 }, "no slots"},
		{func(c *highlevel.Constraints) { c.Slots = 1 }, "one slot"},
		{func(c *highlevel.Constraints) { c.Guard = 0 }, "no guard"},
		{func(c *highlevel.Constraints) { c.MaxMemory = 0 }, "no memory"},
		{func(c *highlevel.Constraints) { c.Keys = 1 }, "at least 2 keys"},
	} {
		c := c
		test.change(&c)
		p, err := newPoolPlan(c, small())
		if err != nil {
			t.Fatal(err)
		}
		got := p.oneStripe()
		if !strings.Contains(got, test.want) || (got == "") != (p.layout.Stripes > 1) {
			t.Errorf("%+v: %q, want %q; %d stripes", c, got, test.want, p.layout.Stripes)
		}
	}
}

// Slots of no bytes can be as many as an int can say; what they take can't.
func TestLayoutManySlots(t *testing.T) {
	most := fmt.Sprint(math.MaxInt)
	got := callLayout(small(), "-slots", most, "-max-memory", "0", "-reservation", "0", "-guard", "0", "-json")
	var r layoutReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	if r.Mappings.AllLeast != math.MaxInt || r.Mappings.AllMost != math.MaxInt || r.Total != 0 {
		t.Errorf("%+v", r)
	}
}

// More slots than without keys could be counted at all.
func TestLayoutWithoutKeysImpossible(t *testing.T) {
	args := []string{"-slots", "6", "-max-memory", "64MiB", "-reservation", "1GiB", "-guard", "64MiB", "-keys", "6"}
	if wide {
		args = []string{"-slots", "12", "-max-memory", "64MiB", "-reservation", "2EiB", "-guard", "64MiB", "-keys", "15"}
	}
	got := callLayout(small(), args...)
	if got.status != exitOK || !strings.Contains(got.stdout, "more than an address can count") || !strings.Contains(got.stdout, "more than all user addresses") && wide {
		t.Errorf("%+v", got)
	}
	got = callLayout(small(), append(args, "-json")...)
	var r layoutReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || r.WithoutKeys.Total != nil || r.AddressSpace.Fits == nil || wide && *r.AddressSpace.Fits {
		t.Errorf("%v: %+v", err, got)
	}
}

// The real host: what the kernel says of this process.
func TestLayoutOnThisHost(t *testing.T) {
	h := thisHost()
	c := highlevel.DefaultConstraints(h.space(), h.pageSize)
	if c.Slots == 0 {
		t.Fatalf("no slots by default on %+v", h)
	}
	got := call("layout", "-json")
	if got.status != exitOK || got.stderr != "" {
		t.Fatalf("%+v", got)
	}
	var r layoutReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
		t.Fatal(err)
	}
	if r.Slots != c.Slots || r.PageSize != h.pageSize || r.Total == 0 {
		t.Errorf("%+v", r)
	}
	if fits := r.AddressSpace.Fits; fits != nil && !*fits {
		t.Errorf("the default does not fit here: %s", r.AddressSpace.Why)
	}
	text := call("layout")
	if text.status != exitOK || !strings.Contains(text.stdout, bytesize.Size(h.pageSize).String()) {
		t.Errorf("%+v", text)
	}
}
