package oracle

import "encoding/binary"

// A Pattern is a synthetic memory: each byte follows from its address, and some
// pages, the first and the last among them, are holes of zeros.
type Pattern struct {
	Page  uint64 // bytes of a page
	Pages uint64
}

// Size is the pattern's length; its last page is a hole when it has three or more.
func (t Pattern) Size() uint64 { return t.Page * t.Pages }

// Hole tells whether a page is all zeros.
func (t Pattern) Hole(page uint64) bool {
	return page >= t.Pages || page%5 == 3 || t.Pages >= 3 && (page == 0 || page == t.Pages-1)
}

// Fill computes the bytes at [offset, offset+len(p)).
func (t Pattern) Fill(p []byte, offset uint64) {
	for len(p) > 0 {
		n := int(min(uint64(len(p)), t.Page-offset%t.Page))
		if t.Hole(offset / t.Page) {
			clear(p[:n])
		} else {
			fillWords(p[:n], offset)
		}
		p, offset = p[n:], offset+uint64(n)
	}
}

// fillWords fills p with the 8-byte words that lie at offset and behind it.
func fillWords(p []byte, offset uint64) {
	for len(p) > 0 {
		if offset%8 == 0 && len(p) >= 8 {
			binary.LittleEndian.PutUint64(p, mix(offset/8))
			p, offset = p[8:], offset+8
			continue
		}
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], mix(offset/8))
		n := copy(p, word[offset%8:])
		p, offset = p[n:], offset+uint64(n)
	}
}

// mix spreads a word's number over 64 bits, as SplitMix64 does.
func mix(n uint64) uint64 {
	n = (n + 1) * 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}
