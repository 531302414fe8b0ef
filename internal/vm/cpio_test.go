package vm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

type cpioEntry struct {
	name         string
	mode         uint64
	major, minor uint64
	content      string
}

// readCpio reads an archive as the kernel does, and minds every rule.
func readCpio(archive []byte) (entries []cpioEntry, err error) {
	inodes := map[uint64]bool{}
	at := 0
	take := func(n int) []byte {
		if err == nil && at+n > len(archive) {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return make([]byte, n)
		}
		at += n
		return archive[at-n : at]
	}
	align := func() {
		for at%4 != 0 && err == nil {
			if b := take(1); b[0] != 0 {
				err = fmt.Errorf("padding at %d is %q", at, b)
			}
		}
	}
	for err == nil {
		if magic := take(6); err == nil && string(magic) != "070701" {
			return nil, fmt.Errorf("magic %q at %d", magic, at)
		}
		var field [13]uint64
		for i := range field {
			n, bad := strconv.ParseUint(string(take(8)), 16, 64)
			if bad != nil && err == nil {
				err = bad
			}
			field[i] = n
		}
		if err != nil {
			return nil, err
		}
		name := string(take(int(field[11])))
		align()
		e := cpioEntry{name: strings.TrimSuffix(name, "\x00"), mode: field[1], major: field[9], minor: field[10]}
		e.content = string(take(int(field[6])))
		align()
		switch {
		case err != nil:
			return nil, err
		case len(name) != len(e.name)+1:
			return nil, fmt.Errorf("the name %q does not end", name)
		case inodes[field[0]]:
			return nil, fmt.Errorf("inode %d twice: the kernel takes them for one file", field[0])
		case e.name == "TRAILER!!!":
			if at != len(archive) {
				return nil, fmt.Errorf("%d bytes follow the end", len(archive)-at)
			}
			return entries, nil
		}
		inodes[field[0]] = true
		entries = append(entries, e)
	}
	return nil, err
}

func TestCpio(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		var archive bytes.Buffer
		c := newCpioWriter(&archive)
		var want []cpioEntry
		for i := range r.IntN(12) {
			name := fmt.Sprintf("a/%s%d", strings.Repeat("n", r.IntN(9)), i)
			switch r.IntN(3) {
			case 0:
				c.dir(name, 0o750)
				want = append(want, cpioEntry{name: name, mode: 0o040750})
			case 1:
				c.device(name, 0o600, 5, 1)
				want = append(want, cpioEntry{name: name, mode: 0o020600, major: 5, minor: 1})
			case 2:
				text := strings.Repeat("\x00text", r.IntN(2000))
				c.file(name, 0o755, int64(len(text)), strings.NewReader(text))
				want = append(want, cpioEntry{name: name, mode: 0o100755, content: text})
			}
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
		got, err := readCpio(archive.Bytes())
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: error %v, %d entries, want %d", seed, err, len(got), len(want))
		}
	}
}

func TestCpioBadFiles(t *testing.T) {
	boom := errors.New("boom")
	for name, test := range map[string]struct {
		size int64
		r    io.Reader
		want string
	}{
		"shorter": {5, strings.NewReader("four"), "became shorter"},
		"longer":  {3, strings.NewReader("four"), "became longer"},
		"broken":  {5, io.MultiReader(strings.NewReader("x"), brokenReader{boom}), "boom"},
		"huge":    {1 << 32, strings.NewReader(""), "no room for files of 4 GiB"},
	} {
		c := newCpioWriter(io.Discard)
		c.file(name, 0o644, test.size, test.r)
		c.dir("after", 0o755)
		if err := c.close(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestCpioFullDisk(t *testing.T) {
	boom := errors.New("no space is left")
	c := newCpioWriter(brokenWriter{boom})
	c.file("a", 0o644, 1<<21, bytes.NewReader(make([]byte, 1<<21)))
	if err := c.close(); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

type brokenWriter struct{ err error }

func (b brokenWriter) Write([]byte) (int, error) { return 0, b.err }
