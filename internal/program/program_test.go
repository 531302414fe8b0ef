package program

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/oracle"
	"github.com/pageslot/pageslot/testgate"
)

const page = 4096

// load is a program header of a synthetic ELF file.
type load struct {
	kind           elf.ProgType
	addr           uint64
	data           []byte
	inMemory       uint64 // 0: as much as data
	off, inFile    uint64 // if not 0, instead of where the data is
	overrideInFile bool
}

// build writes an ELF file by encoding/binary alone: header, program headers,
// and the data one after another.
func build(class elf.Class, data elf.Data, loads ...load) []byte {
	var order binary.AppendByteOrder = binary.LittleEndian
	if data == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	wide := class == elf.ELFCLASS64
	word := func(b []byte, v uint64) []byte {
		if wide {
			return order.AppendUint64(b, v)
		}
		return order.AppendUint32(b, uint32(v))
	}
	header, entry := uint64(52), uint64(32)
	if wide {
		header, entry = 64, 56
	}
	b := append([]byte("\x7fELF"), byte(class), byte(data), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	b = order.AppendUint16(b, uint16(elf.ET_EXEC))
	b = order.AppendUint16(b, uint16(elf.EM_X86_64))
	b = order.AppendUint32(b, 1)
	b = word(b, 0)      // entry point
	b = word(b, header) // program headers
	b = word(b, 0)      // section headers
	b = order.AppendUint32(b, 0)
	for _, v := range []uint64{header, entry, uint64(len(loads)), 0, 0, 0} {
		b = order.AppendUint16(b, uint16(v))
	}
	at := header + entry*uint64(len(loads))
	for _, l := range loads {
		off, inFile, inMemory := at, uint64(len(l.data)), l.inMemory
		if l.overrideInFile {
			off, inFile = l.off, l.inFile
		}
		if inMemory == 0 {
			inMemory = inFile
		}
		b = order.AppendUint32(b, uint32(l.kind))
		if wide {
			b = order.AppendUint32(b, 7)
		}
		for _, v := range []uint64{off, l.addr, l.addr, inFile, inMemory} {
			b = word(b, v)
		}
		if !wide {
			b = order.AppendUint32(b, 7)
		}
		b = word(b, page)
		at += uint64(len(l.data))
	}
	for _, l := range loads {
		b = append(b, l.data...)
	}
	return b
}

// memory lays the segments of a program out.
func memory(p *Program) []byte {
	m := make([]byte, p.Size)
	for _, s := range p.Segments {
		copy(m[s.Offset:], s.Data)
	}
	return m
}

func some(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// write puts a file where Open and the oracle find it.
func write(t testing.TB, data []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// both reads a file with both parsers and compares every byte, and some behind
// the end.
func both(t *testing.T, file []byte) *Program {
	t.Helper()
	name := write(t, file)
	p, err := Open(name, page, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	o, err := oracle.File(name, page)
	if err != nil {
		t.Fatalf("the oracle refuses what was read: %v", err)
	}
	want := append(memory(p), make([]byte, 2*page)...)
	got := bytes.Repeat([]byte{0xa5}, len(want))
	o.Fill(got, 0)
	if !bytes.Equal(got, want) || o.Size() != p.Size {
		t.Errorf("the two readings differ (sizes %d and %d)", p.Size, o.Size())
	}
	return p
}

func TestBothReadings(t *testing.T) {
	a, b := some(5000, 1), some(300, 2)
	for _, class := range []elf.Class{elf.ELFCLASS32, elf.ELFCLASS64} {
		for _, order := range []elf.Data{elf.ELFDATA2LSB, elf.ELFDATA2MSB} {
			t.Run(class.String()+" "+order.String(), func(t *testing.T) {
				p := both(t, build(class, order,
					load{kind: elf.PT_NOTE, addr: 0x1000, data: some(20, 3)},
					load{kind: elf.PT_LOAD, addr: 0x408123, data: b, inMemory: 9000}, // out of order
					load{kind: elf.PT_LOAD, addr: 0x400010, data: a},
					load{kind: elf.PT_LOAD, addr: 0x500000, inMemory: 1}, // zeros alone
					load{kind: elf.PT_LOAD, addr: 0x100}))                // nothing at all
				want := make([]byte, 0x100001)
				copy(want[0x10:], a)
				copy(want[0x8123:], b)
				if !bytes.Equal(memory(p), want) {
					t.Errorf("wrong bytes; %d of them, want %d", p.Size, len(want))
				}
				if p.Format[:5] != class.String()[:3]+class.String()[8:10] || !strings.Contains(p.Format, "x86") ||
					strings.Contains(p.Format, "big-endian") != (order == elf.ELFDATA2MSB) {
					t.Errorf("format %q", p.Format)
				}
			})
		}
	}
	t.Run("from address 0", func(t *testing.T) {
		p := both(t, build(elf.ELFCLASS64, elf.ELFDATA2LSB, load{kind: elf.PT_LOAD, addr: 0, data: a}, load{kind: elf.PT_LOAD, addr: 5000, data: b}))
		if p.Size != 5300 || len(p.Segments) != 2 {
			t.Errorf("%d bytes in %d segments", p.Size, len(p.Segments))
		}
	})
	t.Run("at the top", func(t *testing.T) {
		if p := both(t, build(elf.ELFCLASS64, elf.ELFDATA2LSB, load{kind: elf.PT_LOAD, addr: 0xffffffff_fffff000, data: b})); p.Size != 300 {
			t.Errorf("%d bytes", p.Size)
		}
	})
	for _, raw := range []string{"x", "\x7fEL", "\x7fELG and more", strings.Repeat("raw", 5000)} {
		if p := both(t, []byte(raw)); p.Format != "raw" || string(memory(p)) != raw {
			t.Errorf("%q: %s", raw[:1], p.Format)
		}
	}
}

// The test binary itself is a real program wherever tests run on ELF.
func TestOwnFile(t *testing.T) {
	testgate.NeedLong(t, "it reads megabytes twice; the command's tests read them once")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	p := both(t, file)
	isELF := string(file[:4]) == "\x7fELF"
	if runtime.GOOS == "linux" && !isELF || isELF && (len(p.Segments) < 2 || p.Segments[0].Offset != 0) {
		t.Errorf("%s: %d segments, the first at %#x", p.Format, len(p.Segments), p.Segments[0].Offset)
	}
}

func TestRefused(t *testing.T) {
	le := func(loads ...load) []byte { return build(elf.ELFCLASS64, elf.ELFDATA2LSB, loads...) }
	good := le(load{kind: elf.PT_LOAD, addr: 0x1000, data: some(100, 1)})
	many := bytes.Clone(good)
	binary.LittleEndian.PutUint16(many[56:], 0xffff)
	badClass, badOrder := bytes.Clone(good), bytes.Clone(good)
	badClass[4], badOrder[5] = 9, 9
	for _, tc := range []struct {
		name string
		file []byte
		why  string
	}{
		{"empty", nil, "empty"},
		{"only a magic", good[:4], "truncated"},
		{"cut in the header", good[:40], "truncated"},
		{"cut in the program headers", good[:80], "truncated"},
		{"cut in a segment", good[:len(good)-1], "truncated"},
		{"class", badClass, "class"},
		{"byte order", badOrder, "order"},
		{"65535 headers", append(many, make([]byte, 4<<20)...), "65535"},
		{"nothing loadable", le(load{kind: elf.PT_NOTE, data: []byte("x")}), "no loadable segment"},
		{"more in the file than in memory", le(load{kind: elf.PT_LOAD, addr: 0x1000, data: some(100, 1), inMemory: 99}), "only 99 in memory"},
		{"past the last address", le(load{kind: elf.PT_LOAD, addr: ^uint64(0) - 5, data: some(100, 1)}), "address space"},
		{"overlap", le(load{kind: elf.PT_LOAD, addr: 0x1000, data: some(100, 1)}, load{kind: elf.PT_LOAD, addr: 0x1063, data: some(1, 1)}), "overlap at 0x1063"},
		{"overlap in zeros", le(load{kind: elf.PT_LOAD, addr: 0x1000, data: some(1, 1), inMemory: 0x1001}, load{kind: elf.PT_LOAD, addr: 0x2000, data: some(1, 1)}), "overlap at 0x2000"},
		{"far apart", le(load{kind: elf.PT_LOAD, addr: 0x1000, data: some(1, 1)}, load{kind: elf.PT_LOAD, addr: 1 << 40, data: some(1, 1)}), "at most 1048576"},
		{"too much zero memory", le(load{kind: elf.PT_LOAD, addr: 0x1000, inMemory: 1<<20 + 1}), "at most 1048576"},
		{"segment far behind the file", le(load{kind: elf.PT_LOAD, addr: 0x1000, inMemory: 20, overrideInFile: true, off: 1 << 62, inFile: 9}), ""},
		{"segment at an impossible offset", le(load{kind: elf.PT_LOAD, addr: 0x1000, inMemory: 20, overrideInFile: true, off: ^uint64(3), inFile: 9}), ""},
		{"raw, too long", make([]byte, 1<<20+1), "1048577 bytes, and a slot takes at most 1048576"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name := write(t, tc.file)
			p, err := Open(name, page, 1<<20)
			var e *Error
			if !errors.As(err, &e) || e.File != name || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), tc.why) {
				t.Errorf("%+v, %v; want an error about %q", p, err, tc.why)
			}
		})
	}
}

func TestWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir, page, 1<<20); err == nil || !strings.Contains(err.Error(), "directory") {
		t.Errorf("a directory: %v", err)
	}
	missing := filepath.Join(dir, "missing")
	_, err := Open(missing, page, 1<<20)
	if !errors.Is(err, fs.ErrNotExist) || strings.Count(err.Error(), missing) != 1 {
		t.Errorf("a missing file: %v", err)
	}
	if _, err := Open(os.DevNull, page, 1<<20); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a device: %v", err)
	}
}

// cut is a file that ends earlier than its size says.
type cut struct{ data []byte }

func (c cut) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(c.data).ReadAt(p, off) }

func TestFileCutMeanwhile(t *testing.T) {
	file := build(elf.ELFCLASS64, elf.ELFDATA2LSB, load{kind: elf.PT_LOAD, addr: 0x1000, data: some(100, 1)})
	for _, data := range [][]byte{file, some(100, 1)} {
		_, err := Read(cut{data[:len(data)-10]}, int64(len(data)), page, 1<<20)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v", err)
		}
	}
}

// Whatever a file holds: neither reading panics, and what one takes the other
// reads alike.
func FuzzBothReadings(f *testing.F) {
	for _, class := range []elf.Class{elf.ELFCLASS32, elf.ELFCLASS64} {
		for _, order := range []elf.Data{elf.ELFDATA2LSB, elf.ELFDATA2MSB} {
			f.Add(build(class, order, load{kind: elf.PT_LOAD, addr: 0x400010, data: some(300, 1)},
				load{kind: elf.PT_LOAD, addr: 0x402000, data: some(30, 1), inMemory: 5000}))
		}
	}
	f.Add([]byte("raw"))
	f.Fuzz(func(t *testing.T, file []byte) {
		o, oracleErr := oracle.Parse(file, page)
		p, err := Read(bytes.NewReader(file), int64(len(file)), page, 1<<20)
		if err != nil {
			return
		}
		if oracleErr != nil {
			t.Fatalf("the oracle refuses what was read: %v", oracleErr)
		}
		want := memory(p)
		got := make([]byte, len(want))
		o.Fill(got, 0)
		if o.Size() != p.Size || !bytes.Equal(got, want) {
			t.Fatal("the two readings differ")
		}
	})
}
