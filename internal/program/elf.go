package program

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// noCount is the number of program headers that says "more than fit here"; only
// core dumps of processes with very many mappings have it.
const noCount = 0xffff

func readELF(r io.ReaderAt, size int64, page, limit uint64) (*Program, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errors.New("the ELF file is truncated: it ends inside its headers")
		}
		return nil, fmt.Errorf("not an ELF file that can be read: %w", err)
	}
	if len(f.Progs) == noCount {
		return nil, errors.New("the ELF file has 65535 program headers or more")
	}
	var loads []elf.ProgHeader
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Memsz > 0 {
			loads = append(loads, p.ProgHeader)
		}
	}
	if len(loads) == 0 {
		return nil, fmt.Errorf("the ELF file has no loadable segment (it is of type %v)", f.Type)
	}
	slices.SortFunc(loads, func(a, b elf.ProgHeader) int {
		switch {
		case a.Vaddr < b.Vaddr:
			return -1
		case a.Vaddr > b.Vaddr:
			return 1
		}
		return 0
	})
	for i, l := range loads {
		if err := checkLoad(l, uint64(size)); err != nil {
			return nil, err
		}
		if i > 0 && loads[i-1].Vaddr+loads[i-1].Memsz > l.Vaddr {
			return nil, fmt.Errorf("loadable segments of the ELF file overlap at %#x", l.Vaddr)
		}
	}
	last := loads[len(loads)-1]
	base, end := loads[0].Vaddr&^(page-1), last.Vaddr+last.Memsz
	if end-base > limit {
		return nil, fmt.Errorf("the %d loadable segments of the ELF file span %d bytes (%#x to %#x), and a slot takes at most %d",
			len(loads), end-base, base, end, limit)
	}

	p := &Program{Format: format(f), Size: end - base}
	for _, l := range loads {
		if l.Filesz == 0 {
			continue
		}
		data := make([]byte, l.Filesz)
		if err := readAt(r, data, int64(l.Off)); err != nil {
			return nil, err
		}
		p.Segments = append(p.Segments, Segment{l.Vaddr - base, data})
	}
	return p, nil
}

// checkLoad refuses a segment that no loader could load from a file of that size.
func checkLoad(l elf.ProgHeader, size uint64) error {
	switch {
	case l.Filesz > l.Memsz:
		return fmt.Errorf("the loadable segment at %#x has %d bytes in the file and only %d in memory", l.Vaddr, l.Filesz, l.Memsz)
	case l.Vaddr+l.Memsz < l.Vaddr:
		return fmt.Errorf("the loadable segment at %#x with %d bytes passes the end of the address space", l.Vaddr, l.Memsz)
	case l.Filesz > 0 && (l.Off > size || l.Filesz > size-l.Off):
		return fmt.Errorf("the ELF file is truncated: the loadable segment at %#x ends behind byte %d, the file's last", l.Vaddr, size)
	}
	return nil
}

// format names the file's class and machine: "ELF64 x86-64".
func format(f *elf.File) string {
	machine := strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
	if strings.HasPrefix(f.Machine.String(), "elf.") {
		machine = fmt.Sprintf("machine %d", uint16(f.Machine))
	}
	bits := "ELF64"
	if f.Class == elf.ELFCLASS32 {
		bits = "ELF32"
	}
	if f.Data == elf.ELFDATA2MSB {
		return bits + " big-endian " + machine
	}
	return bits + " " + machine
}
