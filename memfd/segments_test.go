package memfd

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// model is the memory that segments describe, written down byte by byte.
func model(segments []Segment, size uint64) []byte {
	m := make([]byte, size)
	for _, s := range segments {
		copy(m[min(s.Offset, size):], s.Data)
	}
	return m
}

// overlapping compares every pair.
func overlapping(segments []Segment) bool {
	for i, a := range segments {
		for _, b := range segments[:i] {
			if len(a.Data) > 0 && len(b.Data) > 0 && a.Offset < b.end() && b.Offset < a.end() {
				return true
			}
		}
	}
	return false
}

// randomSegments has many zeros, edges at and beside pages, and overlaps.
func randomSegments(r *rand.Rand, size, page uint64) []Segment {
	segments := make([]Segment, r.IntN(8))
	for i := range segments {
		off := r.Uint64N(size + 1)
		if r.IntN(2) == 0 {
			off = off / page * page
		}
		n := r.Uint64N(min(size-off, 3*page) + 1)
		data := make([]byte, n)
		if n > 0 && r.IntN(3) > 0 {
			for range r.IntN(4) {
				data[r.Uint64N(n)] = byte(r.IntN(3)) // zero too
			}
			if r.IntN(3) == 0 {
				data[0] = 1
			}
			if r.IntN(3) == 0 {
				data[n-1] = 2
			}
		}
		segments[i] = Segment{off, data}
	}
	return segments
}

// checkPlan compares a plan with the model, and says what is wrong.
func checkPlan(segments []Segment, laterWins bool, size, page uint64) error {
	c, err := plan(segments, size, laterWins, page)
	if overlapping(segments) && !laterWins {
		if !errors.Is(err, ErrOverlap) {
			return fmt.Errorf("error %v, want an overlap", err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	want := model(segments, size)

	// The pages of data are exactly those that are not zero in the model.
	var data []span
	for start := uint64(0); start < size; start += page {
		if bytes.Count(want[start:start+page], []byte{0}) == int(page) {
			continue
		}
		if n := len(data); n > 0 && data[n-1].end == start {
			data[n-1].end += page
		} else {
			data = append(data, span{start, start + page})
		}
	}
	if !slices.Equal(c.data, data) {
		return fmt.Errorf("data pages %v, want %v", c.data, data)
	}
	if len(data) > 0 && (c.offset() != data[0].start || c.end() != data[len(data)-1].end) ||
		len(data) == 0 && (c.offset() != 0 || c.end() != 0) {
		return fmt.Errorf("[%#x, %#x) with data %v", c.offset(), c.end(), data)
	}

	// What is written gives the model, byte by byte, each at most once and none
	// outside the pages of data.
	got, times := make([]byte, size), make([]byte, size)
	var last uint64
	err = c.pieces(func(off uint64, b []byte) error {
		if len(b) == 0 || off < last {
			return fmt.Errorf("a piece of %d bytes at %#x after %#x", len(b), off, last)
		}
		last = off + uint64(len(b))
		copy(got[off:], b)
		for i := range b {
			times[off+uint64(i)]++
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return errors.New("the pieces do not give the memory that the segments describe")
	}
	for i, n := range times {
		inData := slices.ContainsFunc(data, func(d span) bool { return d.start <= uint64(i) && uint64(i) < d.end })
		if n > 1 || n == 1 && !inData {
			return fmt.Errorf("byte %#x is written %d times; it is in a page of data: %v", i, n, inData)
		}
	}
	return nil
}

func TestPlanAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range 20000 {
		page := uint64(8) << r.IntN(4)
		size := page * (1 + r.Uint64N(12))
		segments := randomSegments(r, size, page)
		laterWins := r.IntN(2) == 0
		if err := checkPlan(segments, laterWins, size, page); err != nil {
			t.Fatalf("seed %d, round %d: page %d, size %d, later wins %v, segments %v: %v", seed, i, page, size, laterWins, segments, err)
		}
	}
}

// FuzzPlan takes segments from the fuzzer: an offset, a length and a filling
// byte each, in three bytes.
func FuzzPlan(f *testing.F) {
	f.Add([]byte{}, false)
	f.Add([]byte{0, 16, 1, 16, 16, 0, 32, 1, 2}, false)
	f.Add([]byte{0, 64, 1, 8, 8, 0, 10, 2, 3}, true)
	f.Fuzz(func(t *testing.T, script []byte, laterWins bool) {
		const page, size = 16, 512
		var segments []Segment
		for ; len(script) >= 3 && len(segments) < 64; script = script[3:] {
			segments = append(segments, Segment{uint64(script[0]), bytes.Repeat(script[2:3], int(script[1]))})
		}
		if err := checkPlan(segments, laterWins, size, page); err != nil {
			t.Fatalf("later wins %v, segments %v: %v", laterWins, segments, err)
		}
	})
}

func TestPlanRefuses(t *testing.T) {
	three := []byte{1, 2, 3}
	for _, test := range []struct {
		name     string
		segments []Segment
		limit    uint64
		want     error
		words    []string
	}{
		{"past the limit", []Segment{{0, three}, {98, three}}, 100, ErrRange, []string{"segment 1", "[0x62, 0x65)", "0x64"}},
		{"overflow", []Segment{{math.MaxUint64 - 1, three}}, math.MaxInt64, ErrRange, []string{"segment 0", "0xfffffffffffffffe", "past the last address"}},
		{"the last byte of all", []Segment{{math.MaxUint64, three[:1]}}, math.MaxInt64, ErrRange, []string{"segment 0"}},
		{"empty past the limit", []Segment{{101, nil}}, 100, ErrRange, []string{"segment 0", "[0x65, 0x65)"}},
		{"same byte", []Segment{{50, nil}, {10, three}, {40, three}, {12, three}}, 100, ErrOverlap,
			[]string{"segment 1 [0xa, 0xd)", "segment 3 [0xc, 0xf)"}},
		{"inside", []Segment{{11, three[:1]}, {10, three}}, 100, ErrOverlap, []string{"segment 0", "segment 1"}},
		{"twice", []Segment{{10, three}, {10, three}}, 100, ErrOverlap, []string{"segment 0", "segment 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := plan(test.segments, test.limit, false, 16)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
		})
	}
}

func TestPlanAccepts(t *testing.T) {
	for name, segments := range map[string][]Segment{
		"nothing":                      nil,
		"empty at the limit":           {{100, nil}},
		"up to the limit":              {{97, []byte{1, 2, 3}}},
		"touching":                     {{10, []byte{1}}, {11, []byte{2}}, {9, []byte{3}}},
		"empty within another":         {{10, []byte{1, 2, 3}}, {11, nil}},
		"empty where another begins":   {{10, []byte{1, 2, 3}}, {10, nil}},
		"zeros":                        {{10, make([]byte, 50)}},
		"zeros at the end of the last": {{99, make([]byte, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := plan(segments, 100, false, 16)
			if err != nil {
				t.Fatal(err)
			}
			if want := model(segments, 112); !slices.ContainsFunc(want, func(b byte) bool { return b != 0 }) && len(c.data) != 0 {
				t.Errorf("data pages %v for nothing but zeros", c.data)
			}
		})
	}
}

// A great many segments over each other must not take quadratic time.
func TestManyOverlaps(t *testing.T) {
	n := testgate.Rounds(50000, 10000)
	data := bytes.Repeat([]byte{7}, 2*n)
	segments := make([]Segment, n)
	for i := range segments {
		segments[i] = Segment{uint64(i), data[:2*(n-i)]} // each within the one before
	}
	c, err := plan(segments, uint64(4*n), true, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.segments) > 2*n {
		t.Errorf("%d pieces of %d segments", len(c.segments), n)
	}
}

func TestFromPages(t *testing.T) {
	four := []byte{1, 2, 3, 4}
	got, err := fromPages([]Page{{5, four}, {0, four}}, 4)
	if err != nil || len(got) != 2 || got[0].Offset != 20 || got[1].Offset != 0 || !bytes.Equal(got[0].Data, four) {
		t.Errorf("got %v, %v", got, err)
	}
	for name, pages := range map[string][]Page{
		"short":    {{0, four}, {1, four[:3]}},
		"empty":    {{0, four}, {1, nil}},
		"overflow": {{0, four}, {math.MaxUint64/4 + 1, four}},
	} {
		_, err := fromPages(pages, 4)
		if !errors.Is(err, ErrRange) || !strings.Contains(err.Error(), "page 1") {
			t.Errorf("%s: %v", name, err)
		}
	}
	segments, err := fromPages([]Page{{math.MaxUint64 / 4, four}}, 4)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan(segments, math.MaxInt64, false, 16); !errors.Is(err, ErrRange) {
		t.Errorf("the last page of all: %v", err)
	}
}

func TestWithin(t *testing.T) {
	data := []span{{0, 16}, {32, 64}, {80, 96}}
	for _, test := range []struct {
		from, to uint64
		want     []span
	}{
		{0, 96, data},
		{16, 32, nil},
		{48, 80, []span{{48, 64}}},
		{48, 1000, []span{{48, 64}, {80, 96}}},
		{96, 1000, nil},
		{64, 64, nil},
	} {
		if got := within(data, test.from, test.to); !slices.Equal(got, test.want) {
			t.Errorf("within(%d, %d) = %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
