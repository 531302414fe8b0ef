package storm

import (
	"bytes"
	"errors"
	"strings"
)

// access touches all of memory that is served, and says whether it found what has to
// be there. Pages are missing when it begins.
type access struct {
	name  string
	touch func(mem, want []byte, own *scratch) bool
}

// scratch is memory of Go's that an access works with, as large as what it touches.
type scratch struct{ to []byte }

var errContent = errors.New("the memory has other content than it should")

// accesses are what Go programs do with memory. All but the loads are assembly of
// the runtime's, in which a goroutine is not preempted.
var accesses = []access{
	{"copy", func(mem, want []byte, own *scratch) bool {
		copy(own.room(len(mem)), mem)
		return bytes.Equal(own.to, want)
	}},
	{"clear", func(mem, want []byte, own *scratch) bool {
		clear(mem)
		return bytes.Equal(mem, own.room(len(mem)))
	}},
	{"equal", func(mem, want []byte, own *scratch) bool {
		return bytes.Equal(mem, want)
	}},
	{"load", func(mem, want []byte, own *scratch) bool {
		same := true
		for i := 0; i < len(mem); i += step {
			same = same && mem[i] == want[i]
		}
		return same
	}},
	{"append", func(mem, want []byte, own *scratch) bool {
		return bytes.Equal(append([]byte(nil), mem...), want)
	}},
	{"compare", func(mem, want []byte, own *scratch) bool {
		return strings.Compare(text(mem), text(want)) == 0
	}},
}

// step is how far loads are apart: several in each page.
const step = 1021

// room is n bytes, zeros until they are written.
func (s *scratch) room(n int) []byte {
	if len(s.to) != n {
		s.to = make([]byte, n)
	}
	return s.to
}

// pattern is bytes that have no period.
func pattern(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}
