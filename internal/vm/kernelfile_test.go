package vm

import (
	"bytes"
	"debug/elf"
	"debug/pe"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// peHeader is the beginning of a kernel that firmware can start.
func peHeader(machine uint16) []byte {
	b := make([]byte, 0x40)
	copy(b, "MZ")
	binary.LittleEndian.PutUint32(b[0x3c:], uint32(len(b)))
	return binary.LittleEndian.AppendUint16(append(b, "PE\x00\x00"...), machine)
}

func TestCheckKernel(t *testing.T) {
	const lsb, msb, bit64, bit32 = elf.ELFDATA2LSB, elf.ELFDATA2MSB, elf.ELFCLASS64, elf.ELFCLASS32
	ofELF := func(m elf.Machine, class elf.Class, data elf.Data) []byte {
		return header(m, class, data, elf.ET_EXEC, elf.ELFOSABI_NONE, elf.PT_LOAD)
	}
	for _, test := range []struct {
		file   []byte
		goarch string
		want   string // part of an error
	}{
		{peHeader(pe.IMAGE_FILE_MACHINE_AMD64), "amd64", ""},
		{peHeader(pe.IMAGE_FILE_MACHINE_AMD64), "arm64", "is for amd64, and the machine is arm64"},
		{peHeader(pe.IMAGE_FILE_MACHINE_I386), "amd64", "is for 386, and the machine is amd64"},
		{peHeader(pe.IMAGE_FILE_MACHINE_THUMB), "arm", ""},
		{peHeader(0xffff), "arm", ""}, // nobody knows it
		{peHeader(pe.IMAGE_FILE_MACHINE_ARM64)[:0x42], "amd64", ""},
		{ofELF(elf.EM_PPC64, bit64, lsb), "ppc64le", ""},
		{ofELF(elf.EM_PPC64, bit64, msb), "ppc64le", "is for ppc64, and the machine is ppc64le"},
		{ofELF(elf.EM_MIPS, bit32, lsb), "mips64le", ""},
		{ofELF(elf.EM_SPARCV9, bit64, msb), "s390x", "is for EM_SPARCV9, and the machine is s390x"},
		{bytes.Repeat([]byte("?"), 200), "s390x", ""},
		{nil, "amd64", ""},
	} {
		file := filepath.Join(t.TempDir(), "vmlinuz")
		if err := os.WriteFile(file, test.file, 0o644); err != nil {
			t.Fatal(err)
		}
		err := CheckKernel(file, test.goarch)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), file+" "+test.want)) {
			t.Errorf("%s: got %v, want %q", test.goarch, err, test.want)
		}
	}
	for _, bad := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if err := CheckKernel(bad, "amd64"); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
