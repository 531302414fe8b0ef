package vm

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// The lines put together again are the stream, however it comes in pieces.
func TestLines(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 1))
		var stream []byte
		for range r.IntN(20) {
			size := r.IntN(40)
			if r.IntN(8) == 0 {
				size = r.IntN(3 * maxLine)
			}
			stream = append(append(stream, strings.Repeat("x", size)...), '\n')
		}
		stream = append(stream, "the last"...)
		var reader io.Reader = bytes.NewReader(stream)
		if r.IntN(2) == 0 {
			reader = iotest.HalfReader(reader)
		}
		var got []string
		if err := lines(reader, func(l []byte) { got = append(got, string(l)) }); err != nil {
			t.Fatal(err)
		}
		var want []string
		for line := range strings.SplitSeq(string(stream), "\n") {
			for len(line) > maxLine {
				want, line = append(want, line[:maxLine]), line[maxLine:]
			}
			want = append(want, line)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("seed %d: %d lines, want %d", seed, len(got), len(want))
		}
	}
}

func TestLinesOfOneByte(t *testing.T) {
	var got []string
	err := lines(iotest.OneByteReader(strings.NewReader("a\n\nb")), func(l []byte) { got = append(got, string(l)) })
	if err != nil || strings.Join(got, "|") != "a||b" {
		t.Errorf("got %q, error %v", got, err)
	}
	boom := errors.New("boom")
	if err := lines(iotest.ErrReader(boom), func([]byte) { t.Error("there is no line") }); err != boom {
		t.Errorf("got %v", err)
	}
}

func TestEnds(t *testing.T) {
	var e ends
	e.Write([]byte("begin\n"))
	if e.String() != "begin\n" {
		t.Errorf("got %q", e.String())
	}
	for range 100_000 {
		e.Write([]byte("0123456789abcde\n"))
	}
	e.Write([]byte("end\n"))
	text := e.String()
	if !strings.HasPrefix(text, "begin\n0123") || !strings.HasSuffix(text, "abcde\nend\n") || !strings.Contains(text, "bytes left out") {
		t.Errorf("beginning or end is missing")
	}
	if len(text) > 4*keptEnd {
		t.Errorf("%d bytes are kept", len(text))
	}
}
