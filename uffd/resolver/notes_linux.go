package resolver

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// notes are what threads note of a range, in a mapping: how many of its bytes are
// mapped (8 bytes), a byte for each page that was hit, one for each that was written.
type notes struct {
	mem    []byte
	hits   []byte
	writes []byte
}

const notesHead = 8

// newNotes makes those that a rule needs. Only pages that are noted take memory. No huge
// page may be there: the mapping may become one with a neighbour that is to be served,
// and a huge page fills both.
func newNotes(r *Rule) (notes, error) {
	pages := int(r.Range.Len / r.Page)
	hits, writes := 0, 0
	if r.Missing == Guard || r.Minor == Guard {
		hits = pages
	}
	if r.Written == Unprotect {
		writes = pages
	}
	hits, writes = (hits+7)/8*8, (writes+7)/8*8 // words are what is atomic
	n := notesHead + hits + writes
	mem, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return notes{}, fmt.Errorf("mmap of %d bytes for notes: %w", n, err)
	}
	_ = unix.Madvise(mem, unix.MADV_NOHUGEPAGE) // a kernel without huge pages does not know it
	x := notes{mem: mem, hits: mem[notesHead:][:hits], writes: mem[notesHead+hits:][:writes]}
	x.setLive(r.Range.Len)
	return x, nil
}

// follow makes the count of what is mapped that of the notes before, which may have
// changed since it was from.
func (n *notes) follow(before *notes, from uint64) { n.addLive(before.live() - from) }

// takeAll appends the address of each page that has a note, and takes the notes away.
func takeAll(to []uint64, bytes []byte, r *Rule) []uint64 {
	for i := 0; i < len(bytes); i += 8 {
		word, some := takeWord(bytes[i:])
		if !some {
			continue
		}
		for j, b := range word {
			if b != 0 {
				to = append(to, r.Range.Start+uint64(i+j)*r.Page)
			}
		}
	}
	return to
}

// free is for when no thread can have the rule.
func (n *notes) free() {
	// It can fail only for a range that is not mapped.
	_ = unix.Munmap(n.mem)
	*n = notes{}
}
