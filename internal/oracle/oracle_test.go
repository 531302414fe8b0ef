package oracle

import (
	"bytes"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What this package says is worth something only while it is other code.
func TestOtherCode(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, im := range f.Imports {
			if path, _ := strconv.Unquote(im.Path.Value); path == "debug/elf" || strings.Contains(path, ".") {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// Any part of a memory is the same as that part of the whole.
func checkParts(t *testing.T, o Oracle, total int) {
	t.Helper()
	whole := bytes.Repeat([]byte{0xa5}, total)
	o.Fill(whole, 0)
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		from := r.IntN(total)
		part := bytes.Repeat([]byte{0x5a}, r.IntN(min(total-from, 200)+1))
		o.Fill(part, uint64(from))
		if !bytes.Equal(part, whole[from:from+len(part)]) {
			t.Fatalf("[%d, %d) differs from the same part of the whole", from, from+len(part))
		}
	}
	behind := []byte{1, 2, 3}
	for _, at := range []uint64{o.Size(), o.Size() + 1, 1 << 50, ^uint64(0) - 2} {
		o.Fill(behind, at)
		if !bytes.Equal(behind, make([]byte, 3)) {
			t.Errorf("at %#x, behind the end: %v", at, behind)
		}
		behind = []byte{1, 2, 3}
	}
}

func TestPieces(t *testing.T) {
	m := &pieces{size: 400}
	want := make([]byte, 1000)
	at := uint64(3)
	for i := range 12 {
		data := bytes.Repeat([]byte{byte(i + 1)}, 1+i*3)
		m.list = append(m.list, piece{at, data})
		copy(want[at:], data)
		at += uint64(len(data) + i%3*7) // some touch
	}
	got := make([]byte, len(want))
	m.Fill(got, 0)
	if !bytes.Equal(got, want) || at > m.size {
		t.Error("the pieces are not where they should be")
	}
	checkParts(t, m, 1000)
	checkParts(t, Zeros{}, 100)
}

func TestPattern(t *testing.T) {
	for _, pages := range []uint64{0, 1, 2, 3, 4, 20} {
		o := Pattern{Page: 64, Pages: pages}
		total := int(o.Size()) + 100
		checkParts(t, o, total)
		whole := make([]byte, total)
		o.Fill(whole, 0)
		for p := range pages {
			got := whole[p*64:][:64]
			if zero := bytes.Equal(got, make([]byte, 64)); zero != o.Hole(p) {
				t.Errorf("%d pages: page %d: hole %v, all zero %v", pages, p, o.Hole(p), zero)
			}
			if !o.Hole(p) && p > 0 && bytes.Equal(got, whole[(p-1)*64:][:64]) {
				t.Errorf("%d pages: page %d is as the one before", pages, p)
			}
		}
		if pages >= 3 && (!o.Hole(0) || !o.Hole(pages-1)) {
			t.Errorf("%d pages: no holes at the ends", pages)
		}
	}
	if o := (Pattern{64, 20}); !o.Hole(8) || o.Hole(7) || o.Hole(9) {
		t.Error("no hole in the middle")
	}
}

func TestFile(t *testing.T) {
	if _, err := File(filepath.Join(t.TempDir(), "missing"), 4096); !os.IsNotExist(err) {
		t.Errorf("a missing file: %v", err)
	}
	for _, bad := range []string{
		"\x7fELF",
		"\x7fELF\x02\x01" + strings.Repeat("\x00", 50), // no room for 64 bits
		"\x7fELF\x03\x01" + strings.Repeat("\x00", 58), // class
		"\x7fELF\x02\x03" + strings.Repeat("\x00", 58), // byte order
		"\x7fELF\x02\x01" + strings.Repeat("\x00", 58), // nothing loadable
		"\x7fELF\x02\x01" + strings.Repeat("\x00", 50) + "\x01" + // one header of 0 bytes
			strings.Repeat("\x00", 7),
	} {
		if o, err := Parse([]byte(bad), 4096); err == nil {
			t.Errorf("%q: %+v", bad[4:6], o)
		}
	}
}

func BenchmarkFill(b *testing.B) {
	buf := make([]byte, 64<<10)
	for name, o := range map[string]Oracle{
		"pieces":  &pieces{[]piece{{0, make([]byte, 1<<20)}}, 1 << 20},
		"pattern": Pattern{4096, 256},
		"zeros":   Zeros{},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(buf)))
			for i := range b.N {
				o.Fill(buf, uint64(i%16)*uint64(len(buf)))
			}
		})
	}
}
