package vm

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// header makes the smallest ELF file with one program header.
func header(machine elf.Machine, class elf.Class, data elf.Data, kind elf.Type, abi elf.OSABI, prog elf.ProgType) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if data == elf.ELFDATA2MSB {
		order = binary.BigEndian
	}
	ident := [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(class), byte(data), byte(elf.EV_CURRENT), byte(abi)}
	var file bytes.Buffer
	if class == elf.ELFCLASS64 {
		binary.Write(&file, order, elf.Header64{Ident: ident, Type: uint16(kind), Machine: uint16(machine), Version: 1, Entry: 0x1000, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1, Shentsize: 64})
		binary.Write(&file, order, elf.Prog64{Type: uint32(prog)})
	} else {
		binary.Write(&file, order, elf.Header32{Ident: ident, Type: uint16(kind), Machine: uint16(machine), Version: 1, Entry: 0x1000, Phoff: 52, Ehsize: 52, Phentsize: 32, Phnum: 1, Shentsize: 40})
		binary.Write(&file, order, elf.Prog32{Type: uint32(prog)})
	}
	return file.Bytes()
}

func TestPort(t *testing.T) {
	const none, exec, load = elf.ELFOSABI_NONE, elf.ET_EXEC, elf.PT_LOAD
	const lsb, msb, bit64, bit32 = elf.ELFDATA2LSB, elf.ELFDATA2MSB, elf.ELFCLASS64, elf.ELFCLASS32
	for _, test := range []struct {
		file []byte
		want string // a port, or part of an error
	}{
		{header(elf.EM_386, bit32, lsb, exec, none, load), "386"},
		{header(elf.EM_X86_64, bit64, lsb, exec, none, load), "amd64"},
		{header(elf.EM_X86_64, bit64, lsb, elf.ET_DYN, elf.ELFOSABI_LINUX, load), "amd64"}, // static-pie
		{header(elf.EM_ARM, bit32, lsb, exec, none, load), "arm"},
		{header(elf.EM_AARCH64, bit64, lsb, exec, none, load), "arm64"},
		{header(elf.EM_LOONGARCH, bit64, lsb, exec, none, load), "loong64"},
		{header(elf.EM_MIPS, bit32, msb, exec, none, load), "mips"},
		{header(elf.EM_MIPS, bit32, lsb, exec, none, load), "mipsle"},
		{header(elf.EM_MIPS, bit64, msb, exec, none, load), "mips64"},
		{header(elf.EM_MIPS, bit64, lsb, exec, none, load), "mips64le"},
		{header(elf.EM_PPC64, bit64, msb, exec, none, load), "ppc64"},
		{header(elf.EM_PPC64, bit64, lsb, exec, none, load), "ppc64le"},
		{header(elf.EM_RISCV, bit64, lsb, exec, none, load), "riscv64"},
		{header(elf.EM_S390, bit64, msb, exec, none, load), "s390x"},

		{header(elf.EM_X86_64, bit64, lsb, exec, none, elf.PT_INTERP), "is not static: build it with CGO_ENABLED=0"},
		{header(elf.EM_X86_64, bit64, lsb, exec, elf.ELFOSABI_FREEBSD, load), "build it with GOOS=linux"},
		{header(elf.EM_X86_64, bit64, lsb, elf.ET_CORE, none, load), "not a program (ET_CORE)"},
		{header(elf.EM_SPARCV9, bit64, msb, exec, none, load), "is built for no port of Go's: EM_SPARCV9"},
		{header(elf.EM_X86_64, bit64, lsb, exec, none, load)[:70], "is a broken ELF file"},
		{[]byte("#!/bin/sh\n"), "is a script"},
		{[]byte("MZ"), "is not an ELF program: build it with GOOS=linux"},
		{nil, "is not an ELF program"},
	} {
		file := filepath.Join(t.TempDir(), "program")
		if err := os.WriteFile(file, test.file, 0o755); err != nil {
			t.Fatal(err)
		}
		port, err := Port(file)
		if port == test.want {
			continue
		}
		if err == nil || port != "" || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("got %q, %v; want %q", port, err, test.want)
		}
	}
	if _, err := Port(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a file that is not there: %v", err)
	}
	if len(elfPorts) != 13 {
		t.Errorf("%d ports", len(elfPorts))
	}
}
