package vm

import (
	"debug/elf"
	"debug/pe"
	"encoding/binary"
	"fmt"
	"os"
)

// pePorts are the processors of kernels that firmware can start: they have a
// header of Windows programs.
var pePorts = map[uint16]string{
	pe.IMAGE_FILE_MACHINE_AMD64:       "amd64",
	pe.IMAGE_FILE_MACHINE_ARM:         "arm",
	pe.IMAGE_FILE_MACHINE_ARM64:       "arm64",
	pe.IMAGE_FILE_MACHINE_I386:        "386",
	pe.IMAGE_FILE_MACHINE_LOONGARCH64: "loong64",
	pe.IMAGE_FILE_MACHINE_RISCV64:     "riscv64",
	pe.IMAGE_FILE_MACHINE_THUMB:       "arm",
}

// CheckKernel refuses a kernel's file that is no file, or that says it is for
// another processor: most such machines would never say a word. A file that does
// not say is taken.
func CheckKernel(file, goarch string) error {
	info, err := os.Stat(file)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("kernel: %s is not a file", file)
	}
	f, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("kernel: %w", err)
	}
	defer f.Close()
	want := elfPorts[goarch]
	is, fits := "", true
	if e, err := elf.NewFile(f); err == nil {
		// Kernels of 64 bits may come in a file of 32.
		is, fits = e.Machine.String(), e.Machine == want.machine && e.Data == want.order
		for port, p := range elfPorts {
			if p == (elfPort{e.Machine, e.Class, e.Data}) {
				is = port
			}
		}
	} else if port := pePort(f); port != "" {
		is, fits = port, port == goarch
	}
	if !fits {
		return fmt.Errorf("kernel: %s is for %s, and the machine is %s", file, is, goarch)
	}
	return nil
}

// pePort is the port in a PE header, "" if there is none. Package pe wants more of
// a file than a header.
func pePort(f *os.File) string {
	const place, signature = 0x3c, "PE\x00\x00"
	var at [4]byte
	var head [len(signature) + 2]byte
	if _, err := f.ReadAt(at[:], place); err != nil {
		return ""
	}
	if _, err := f.ReadAt(head[:], int64(binary.LittleEndian.Uint32(at[:]))); err != nil || string(head[:len(signature)]) != signature {
		return ""
	}
	return pePorts[binary.LittleEndian.Uint16(head[len(signature):])]
}
