package vm

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// elfPort is how a header tells a port.
type elfPort struct {
	machine elf.Machine
	class   elf.Class
	order   elf.Data
}

var elfPorts = map[string]elfPort{
	"386":      {elf.EM_386, elf.ELFCLASS32, elf.ELFDATA2LSB},
	"amd64":    {elf.EM_X86_64, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"arm":      {elf.EM_ARM, elf.ELFCLASS32, elf.ELFDATA2LSB},
	"arm64":    {elf.EM_AARCH64, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"loong64":  {elf.EM_LOONGARCH, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"mips":     {elf.EM_MIPS, elf.ELFCLASS32, elf.ELFDATA2MSB},
	"mips64":   {elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2MSB},
	"mips64le": {elf.EM_MIPS, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"mipsle":   {elf.EM_MIPS, elf.ELFCLASS32, elf.ELFDATA2LSB},
	"ppc64":    {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2MSB},
	"ppc64le":  {elf.EM_PPC64, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"riscv64":  {elf.EM_RISCV, elf.ELFCLASS64, elf.ELFDATA2LSB},
	"s390x":    {elf.EM_S390, elf.ELFCLASS64, elf.ELFDATA2MSB},
}

// Port returns the port, as GOARCH, that a program was built for. It refuses what
// a machine without any other file could not run.
func Port(file string) (goarch string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	goarch, err = portOf(f)
	if err != nil {
		return "", fmt.Errorf("%s %w", file, err)
	}
	return goarch, nil
}

func portOf(r io.ReaderAt) (string, error) {
	magic := make([]byte, len(elf.ELFMAG))
	if n, err := r.ReadAt(magic, 0); err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("cannot be read: %w", err)
	} else if string(magic[:n]) != elf.ELFMAG {
		if strings.HasPrefix(string(magic[:n]), "#!") {
			return "", errors.New("is a script, and a machine runs static ELF programs")
		}
		return "", errors.New("is not an ELF program: build it with GOOS=linux")
	}
	e, err := elf.NewFile(r)
	if err != nil {
		return "", fmt.Errorf("is a broken ELF file: %w", err)
	}
	if e.OSABI != elf.ELFOSABI_NONE && e.OSABI != elf.ELFOSABI_LINUX {
		return "", fmt.Errorf("is a program for another system (%v): build it with GOOS=linux", e.OSABI)
	}
	if e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN {
		return "", fmt.Errorf("is an ELF file, but not a program (%v)", e.Type)
	}
	for _, p := range e.Progs {
		if p.Type == elf.PT_INTERP {
			return "", errors.New("is not static: build it with CGO_ENABLED=0")
		}
	}
	if e.Entry == 0 {
		return "", errors.New("is a library, not a program")
	}
	for _, port := range slices.Sorted(maps.Keys(elfPorts)) {
		if elfPorts[port] == (elfPort{e.Machine, e.Class, e.Data}) {
			return port, nil
		}
	}
	return "", fmt.Errorf("is built for no port of Go's: %v, %v, %v", e.Machine, e.Class, e.Data)
}
