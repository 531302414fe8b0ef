package main

import (
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// assertions writes the facts as C, and counts them.
func assertions(f *Facts) (source string, n int) {
	var s strings.Builder
	s.WriteString(prelude())
	for _, c := range f.Constants {
		fmt.Fprintf(&s, "_Static_assert((unsigned long long)(%s) == %s && sizeof(%s) == %s / 8, \"%s\");\n",
			c.Name, literal(c.Value), c.Name, c.Type[1:], c.Name)
		n++
	}
	for _, st := range f.Structs {
		c := "struct " + st.Name
		fmt.Fprintf(&s, "_Static_assert(sizeof(%s) == %d && _Alignof(%s) == %d, \"%s\");\n", c, st.Size, c, st.Align, c)
		n += 1 + assertFields(&s, c, "", 0, st.Fields)
	}
	return s.String(), n
}

// assertFields goes down to the members that have names.
func assertFields(s *strings.Builder, c, path string, base int64, fields []Field) (n int) {
	for _, f := range fields {
		if f.Name == "" {
			n += assertFields(s, c, path, base+f.Offset, f.Fields)
			continue
		}
		at := path + f.Name
		fmt.Fprintf(s, "_Static_assert(__builtin_offsetof(%s, %s) == %d && sizeof(((%s *)0)->%s) == %d, \"%s.%s\");\n",
			c, at, base+f.Offset, c, at, f.Size, c, at)
		n += 1 + assertFields(s, c, at+".", base+f.Offset, f.Fields)
	}
	return n
}

// literal is a Go literal as C has it, of unsigned long long.
func literal(goLiteral string) string {
	if strings.HasPrefix(goLiteral, "-") {
		return "(unsigned long long)(" + goLiteral + "LL)"
	}
	return goLiteral + "ULL"
}

// checkWithGCC has this machine's gcc compile the assertions of its ports.
func checkWithGCC(t *testing.T, p port, dirs []string, source string) {
	t.Helper()
	mode := map[string]map[string]string{"amd64": {"amd64": "-m64", "386": "-m32"}, "arm64": {"arm64": ""}}[runtime.GOARCH][p.goarch]
	gcc, err := exec.LookPath("gcc")
	if mode == "" || err != nil {
		return
	}
	args := []string{mode, "-ffreestanding", "-std=gnu11", "-fsyntax-only", "-w", "-x", "c"}
	for _, d := range dirs {
		args = append(args, "-isystem", d)
	}
	cmd := exec.Command(gcc, append(args, "-")...)
	cmd.Stdin = strings.NewReader(source)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("gcc %s: %v\n%s", mode, err, firstLine(string(out)))
	} else {
		t.Logf("gcc %s agrees", mode)
	}
}
