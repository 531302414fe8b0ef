package oracle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sort"
)

// File reads a file as the initial memory of a slot with pages of the given
// size: PT_LOAD of an ELF file from the page of the lowest one on, any other
// file from 0 on.
func File(name string, page uint64) (Oracle, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	m, err := Parse(data, page)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Parse is File for a file's bytes, which it keeps.
func Parse(file []byte, page uint64) (Oracle, error) {
	if len(file) < 4 || string(file[:4]) != "\x7fELF" {
		return &pieces{[]piece{{0, file}}, uint64(len(file))}, nil
	}
	h, err := parseHeader(file)
	if err != nil {
		return nil, err
	}
	type load struct{ off, addr, inFile, inMemory uint64 }
	var loads []load
	for i := range h.count {
		ph := file[h.table+i*h.entry:]
		if h.order.Uint32(ph) != 1 { // PT_LOAD
			continue
		}
		l := load{h.word(ph, 4, 8), h.word(ph, 8, 16), h.word(ph, 16, 32), h.word(ph, 20, 40)}
		size := uint64(len(file))
		switch {
		case l.inMemory == 0:
			continue
		case l.inFile > l.inMemory || l.addr+l.inMemory < l.addr:
			return nil, errors.New("a loadable segment of impossible size")
		case l.inFile > 0 && (l.off > size || l.inFile > size-l.off):
			return nil, errors.New("a loadable segment behind the end of the file")
		}
		loads = append(loads, l)
	}
	if len(loads) == 0 {
		return nil, errors.New("no loadable segment")
	}
	sort.Slice(loads, func(i, j int) bool { return loads[i].addr < loads[j].addr })
	base := loads[0].addr / page * page
	m := &pieces{}
	end := base
	for _, l := range loads {
		if l.addr < end {
			return nil, errors.New("loadable segments overlap")
		}
		end = l.addr + l.inMemory
		if l.inFile > 0 {
			m.list = append(m.list, piece{l.addr - base, file[l.off:][:l.inFile]})
		}
	}
	m.size = end - base
	return m, nil
}

// header is what an ELF header says of the program headers.
type header struct {
	order               binary.ByteOrder
	wide                bool // 64 bits
	table, entry, count uint64
}

// word reads an address or a size of a program header, at its place for 32 or
// for 64 bits.
func (h header) word(ph []byte, narrow, wide int) uint64 {
	if h.wide {
		return h.order.Uint64(ph[wide:])
	}
	return uint64(h.order.Uint32(ph[narrow:]))
}

func parseHeader(file []byte) (header, error) {
	short := errors.New("the file ends inside the ELF header or the program headers")
	if len(file) < 52 {
		return header{}, short
	}
	var h header
	switch file[5] {
	case 1:
		h.order = binary.LittleEndian
	case 2:
		h.order = binary.BigEndian
	default:
		return header{}, fmt.Errorf("byte order %d is neither 1 nor 2", file[5])
	}
	least := uint64(32)
	switch file[4] {
	case 1:
		h.table = uint64(h.order.Uint32(file[28:]))
		h.entry = uint64(h.order.Uint16(file[42:]))
		h.count = uint64(h.order.Uint16(file[44:]))
	case 2:
		if len(file) < 64 {
			return header{}, short
		}
		h.wide, least = true, 56
		h.table = h.order.Uint64(file[32:])
		h.entry = uint64(h.order.Uint16(file[54:]))
		h.count = uint64(h.order.Uint16(file[56:]))
	default:
		return header{}, fmt.Errorf("class %d is neither 1 nor 2", file[4])
	}
	size := uint64(len(file))
	switch {
	case h.count > 0 && h.entry < least:
		return header{}, fmt.Errorf("program headers of %d bytes, want %d or more", h.entry, least)
	case h.table > size || h.entry*h.count > size-h.table:
		return header{}, short
	}
	return h, nil
}
