package harness

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pageslot/pageslot/sys"
)

//go:embed c/*.c c/*.h
var sources embed.FS

var errNoCompiler = errors.New("no C compiler: install gcc or clang, or name one in CC")

// compiler is the command of the C compiler.
func compiler() ([]string, error) {
	if cc := strings.Fields(os.Getenv("CC")); len(cc) > 0 {
		return cc, nil
	}
	for _, name := range []string{"cc", "gcc", "clang"} {
		if path, err := exec.LookPath(name); err == nil {
			return []string{path}, nil
		}
	}
	return nil, errNoCompiler
}

// build makes a program in dir of every C file.
func build(dir string) error {
	cc, err := compiler()
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, sources); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "c", "*.c"))
	if err != nil {
		return err
	}
	for _, file := range files {
		program := filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".c"))
		args := append(cc[1:],
			"-O2", "-Wall", "-pthread",
			fmt.Sprintf("-DPAGESLOT_UFFDIO_POISON=%#xu", uint64(sys.UFFDIO_POISON)),
			fmt.Sprintf("-DPAGESLOT_UFFD_FEATURE_POISON=%#x", uint64(sys.UFFD_FEATURE_POISON)),
			"-o", program, file)
		if out, err := exec.Command(cc[0], args...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w\n%s", cc[0], strings.Join(args, " "), err, out)
		}
	}
	return nil
}
