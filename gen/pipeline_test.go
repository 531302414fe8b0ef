package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	goldenFacts = "testdata/golden/facts"
	goldenSys   = "testdata/golden/sys"
)

// TestPipeline takes the header tree in testdata through both halves, in one
// run, in two runs, and once more over what is already there.
func TestPipeline(t *testing.T) {
	needClang(t, mustPorts(t, samplePorts))
	dir := t.TempDir()
	facts, sys := filepath.Join(dir, "a", "facts"), filepath.Join(dir, "a", "sys")
	status, stdout, stderr := gen("-headers", "testdata/headers", "-ports", samplePorts, "-facts", facts, "-out", sys)
	if status != 0 {
		t.Fatalf("status %d\n%s%s", status, stdout, stderr)
	}
	wantAll(t, stdout, "Linux 9.5.6 (linux 9.5.6-1)", "ports: 5, files: 17, changed: 17", "mips64le ")
	if *update {
		for from, to := range map[string]string{facts: goldenFacts, sys: goldenSys} {
			if err := os.RemoveAll(to); err != nil {
				t.Fatal(err)
			}
			if err := os.CopyFS(to, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
	}
	compareTrees(t, facts, goldenFacts)
	compareTrees(t, sys, goldenSys)

	status, stdout, stderr = gen("-headers", "testdata/headers", "-ports", samplePorts, "-facts", facts, "-out", sys)
	if status != 0 || !strings.Contains(stdout, "changed: 0") {
		t.Errorf("a second run: status %d\n%s%s", status, stdout, stderr)
	}

	facts, sys = filepath.Join(dir, "b", "facts"), filepath.Join(dir, "b", "sys")
	if status, _, stderr := gen("-headers", "testdata/headers", "-ports", samplePorts, "-facts", facts, "-facts-only"); status != 0 {
		t.Fatalf("-facts-only: status %d\n%s", status, stderr)
	}
	compareTrees(t, facts, goldenFacts)
	if _, err := os.Stat(sys); err == nil {
		t.Error("-facts-only wrote Go files")
	}
	if status, _, stderr := gen("-ports", samplePorts, "-facts", facts, "-out", sys, "-emit-only"); status != 0 {
		t.Fatalf("-emit-only: status %d\n%s", status, stderr)
	}
	compareTrees(t, sys, goldenSys)
}

// TestSecondHalf needs no clang.
func TestSecondHalf(t *testing.T) {
	sys := filepath.Join(t.TempDir(), "sys")
	if status, _, stderr := gen("-ports", samplePorts, "-facts", goldenFacts, "-out", sys, "-emit-only"); status != 0 {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	compareTrees(t, sys, goldenSys)
}

// TestNewNames adds to the headers what a next release might: it must come out
// without a change to the generator.
func TestNewNames(t *testing.T) {
	needClang(t, mustPorts(t, samplePorts))
	tree := sampleTree(t, map[string]func(string) string{
		"usr/include/linux/userfaultfd.h": add(`
#define UFFD_FEATURE_NEW (UFFD_FEATURE_FIRST << 20)
enum { UFFD_NEW_ENUMERATOR = 99 };
struct uffdio_new { struct uffdio_range range; __u64 mode; };
#define UFFDIO_NEW _IOWR(UFFDIO, 0x20, struct uffdio_new)`),
		"usr/lib/linux/uapi/s390/asm/unistd.h": add("#define __NR_new_call 1234"),
	})
	sys := filepath.Join(t.TempDir(), "sys")
	if status, _, stderr := gen("-headers", tree, "-ports", samplePorts, "-facts", sys+"/facts", "-out", sys); status != 0 {
		t.Fatalf("status %d\n%s", status, stderr)
	}
	for file, want := range map[string][]string{
		"zconst_linux.go":        {"UFFD_FEATURE_NEW ", "UFFD_NEW_ENUMERATOR ", "= 0x63", "UFFDIO_NEW ", "= 0xc018aa20"},
		"ztypes_linux.go":        {"type UffdioNew struct", "unsafe.Sizeof(UffdioNew{})-24"},
		"zsysnum_linux_s390x.go": {"SYS_NEW_CALL ", "= 1234"},
	} {
		text, err := os.ReadFile(filepath.Join(sys, file))
		if err != nil {
			t.Fatal(err)
		}
		wantAll(t, string(text), want...)
	}
}

// TestNothingOnFailure breaks one thing at a time. The run must fail, say
// where, and leave what was there before byte for byte.
func TestNothingOnFailure(t *testing.T) {
	needClang(t, mustPorts(t, samplePorts))
	const (
		uffd   = "usr/include/linux/userfaultfd.h"
		memfd  = "usr/include/linux/memfd.h"
		unistd = "usr/lib/linux/uapi/s390/asm/unistd.h"
	)
	type edits = map[string]func(string) string
	for _, c := range []struct {
		name  string
		edits edits
		want  []string // in the message
	}{
		{"a header is missing", edits{memfd: nil},
			[]string{"386: linux/memfd.h: ", "s390x: linux/memfd.h: "}},
		{"a header of one architecture is missing", edits{"usr/lib/linux/uapi/mips/asm/unistd.h": nil},
			[]string{"mips: asm/unistd.h: ", "mips64le: asm/unistd.h: "}},
		{"headers of another architecture", edits{"usr/lib/linux/uapi/s390/asm/ptrace.h": replace(t, "PT_PSWMASK", "PT_NIP")},
			[]string{"s390x: asm/ptrace.h: PT_PSWMASK: ", "headers of powerpc, not of s390"}},
		{"headers of no architecture", edits{"usr/lib/linux/uapi/s390/asm/ptrace.h": nil},
			[]string{"s390x: asm/ptrace.h: PT_PSWMASK: ", "no architecture that is known"}},
		{"a malformed header", edits{memfd: add("struct { int x")},
			[]string{"amd64: linux/memfd.h: line "}},
		{"a header that refuses one port", edits{uffd: add("#ifdef __s390x__\n#error not here\n#endif")},
			[]string{"s390x: linux/userfaultfd.h: line ", "not here"}},
		{"a name that does not evaluate", edits{uffd: add("#define UFFD_FEATURE_ODD (1 << NOT_DECLARED)")},
			[]string{"amd64: linux/userfaultfd.h: UFFD_FEATURE_ODD: ", "NOT_DECLARED"}},
		{"a name that does not evaluate on one port", edits{unistd: add("#define __NR_odd NOT_DECLARED")},
			[]string{"s390x: asm/unistd.h: __NR_odd: ", "NOT_DECLARED"}},
		{"two names that do not evaluate", edits{memfd: add("#define MFD_ODD NO_A\n#define MFD_ODD_TOO NO_B")},
			[]string{"386: linux/memfd.h: MFD_ODD: ", "386: linux/memfd.h: MFD_ODD_TOO: "}},
		{"a name that is a string", edits{memfd: add(`#define MFD_NAME "name"`)},
			[]string{"amd64: linux/memfd.h: MFD_NAME: "}},
		{"a name that is an address", edits{memfd: add(`#define MFD_ADDRESS ((void *)0)`)},
			[]string{"amd64: linux/memfd.h: MFD_ADDRESS: "}},
		{"a name that is a fraction", edits{memfd: add(`#define MFD_HALF 0.5`)},
			[]string{"amd64: linux/memfd.h: MFD_HALF: "}},
		{"a name that is nothing", edits{memfd: add(`#define MFD_NOTHING`)},
			[]string{"amd64: linux/memfd.h: MFD_NOTHING: "}},
		{"a name that is no constant", edits{memfd: add("extern int variable;\n#define MFD_VARIABLE variable")},
			[]string{"amd64: linux/memfd.h: MFD_VARIABLE: "}},
		{"no name fits a rule", edits{memfd: replace(t, "MFD_", "DFM_")},
			[]string{"amd64: linux/memfd.h: ", "^MFD_"}},
		{"no structure", edits{uffd: replace(t, "struct uffd_holes", "#if 0\nstruct uffd_holes")},
			[]string{"amd64: linux/userfaultfd.h: "}},
		{"no version", edits{"usr/include/linux/version.h": replace(t, "LINUX_VERSION_CODE", "LINUX_CODE")},
			[]string{"amd64: linux/version.h: LINUX_VERSION_CODE: "}},
		{"a version that contradicts itself", edits{"usr/include/linux/version.h": replace(t, "PATCHLEVEL 5", "PATCHLEVEL 4")},
			[]string{"amd64: linux/version.h: LINUX_VERSION_CODE: "}},
		{"versions that differ", edits{"usr/include/linux/version.h": replace(t, "SUBLEVEL 6", "SUBLEVEL sizeof(long)")},
			[]string{"amd64: ", "Linux 9.5.4", "Linux 9.5.8", "one header tree"}},
		{"a bit field", edits{uffd: add("struct uffd_bits { __u32 a : 3; __u32 b : 29; };")},
			[]string{"amd64: linux/userfaultfd.h: struct uffd_bits: ", "uffd_bits.a"}},
		{"a field that is a C pointer", edits{uffd: add("struct uffd_pointer { void *p; };")},
			[]string{"linux/userfaultfd.h: struct uffd_pointer: ", "uffd_pointer.p"}},
		{"a structure that differs between ports", edits{uffd: add("struct uffd_differs { __u32 a; __u64 b; };")},
			[]string{"amd64: linux/userfaultfd.h: struct uffd_differs: ", "386"}},
		{"a structure that Go cannot lay out", edits{uffd: add("struct uffd_packed { __u8 a; __u64 b; } __attribute__((packed));")},
			[]string{"linux/userfaultfd.h: struct uffd_packed: ", "uffd_packed.b"}},
		{"a structure that Go would make longer", edits{uffd: add("struct uffd_short { __u64 a; __u32 b; } __attribute__((packed));")},
			[]string{"linux/userfaultfd.h: struct uffd_short: "}},
		{"a structure inside that no rule asks for", edits{uffd: add("#include <linux/fs.h>\nstruct uffd_of { struct file_something f; };")},
			[]string{"linux/userfaultfd.h: struct uffd_of: ", "file_something"}},
		{"a pointer that is none", edits{uffd: replace(t, "__u64 src;", "__u32 src, src_high;")},
			[]string{"linux/userfaultfd.h: struct uffdio_copy: ", "uffdio_copy.src"}},
		{"a union without a name", edits{uffd: add("struct uffd_union { union { __u64 a; __u32 b; }; };")},
			[]string{"linux/userfaultfd.h: struct uffd_union: "}},
		{"two calls of one name", edits{unistd: add("#define __NR_READ 9")},
			[]string{"s390x: asm/unistd.h: ", "SYS_READ"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, golden := range []string{"facts", "sys"} {
				if err := os.CopyFS(filepath.Join(dir, golden), os.DirFS("testdata/golden/"+golden)); err != nil {
					t.Fatal(err)
				}
			}
			// One old file more, so that a run that writes anything shows.
			if err := os.WriteFile(filepath.Join(dir, "sys", "zconst_linux.go"), []byte(generatedMark), 0o666); err != nil {
				t.Fatal(err)
			}
			before := snapshot(t, dir)
			tree := sampleTree(t, c.edits)
			chosen := "386,amd64"
			for _, port := range []string{"s390x", "mips"} {
				if strings.Contains(strings.Join(c.want, " "), port) {
					chosen = map[string]string{"s390x": "386,s390x", "mips": "mips,mips64le"}[port]
				}
			}
			status, stdout, stderr := gen("-headers", tree, "-ports", chosen,
				"-facts", filepath.Join(dir, "facts"), "-out", filepath.Join(dir, "sys"))
			if status != 1 || stdout != "" {
				t.Errorf("status %d, want 1; output %q, want none", status, stdout)
			}
			wantAll(t, stderr, c.want...)
			for line := range strings.Lines(stderr) {
				if !strings.HasPrefix(line, "gen: ") {
					t.Errorf("a line without the program's name: %q", line)
				}
			}
			after := snapshot(t, dir)
			if len(after) != len(before) {
				t.Errorf("%d files, before %d", len(after), len(before))
			}
			for path, text := range before {
				if after[path] != text {
					t.Errorf("%s changed", path)
				}
			}
		})
	}
}

// TestOnlyTheFailingPort says so of the ports that are all right by not naming
// them.
func TestOnlyTheFailingPort(t *testing.T) {
	needClang(t, mustPorts(t, samplePorts))
	tree := sampleTree(t, map[string]func(string) string{
		"usr/lib/linux/uapi/mips/asm/mman.h": add("#define MADV_ODD NOT_DECLARED"),
	})
	dir := t.TempDir()
	status, _, stderr := gen("-headers", tree, "-ports", samplePorts, "-facts", dir+"/facts", "-out", dir+"/sys")
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stderr, "mips: asm/mman.h: MADV_ODD: ", "mips64le: asm/mman.h: MADV_ODD: ")
	for _, p := range []string{"386", "amd64", "s390x"} {
		if strings.Contains(stderr, "gen: "+p+":") {
			t.Errorf("%s is blamed:\n%s", p, stderr)
		}
	}
	if files := snapshot(t, dir); len(files) != 1 {
		t.Errorf("written: %v", files)
	}
}

func TestHeadersMissing(t *testing.T) {
	needClang(t, mustPorts(t, samplePorts))
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for tree, want := range map[string]string{
		dir:             "amd64: no headers of x86 in " + dir,
		dir + "/absent": "absent",
		file:            "file",
	} {
		out := t.TempDir()
		status, _, stderr := gen("-headers", tree, "-ports", "amd64", "-facts", out+"/facts", "-out", out+"/sys")
		if status != 1 {
			t.Errorf("%s: status %d, want 1", tree, status)
		}
		wantAll(t, stderr, want, "amd64: ")
		if files := snapshot(t, out); len(files) != 1 {
			t.Errorf("%s: written: %v", tree, files)
		}
	}
}

// TestOutputPlaces are directories that cannot be written, or must not.
func TestOutputPlaces(t *testing.T) {
	emit := func(out string) (int, string) {
		status, _, stderr := gen("-ports", samplePorts, "-facts", goldenFacts, "-out", out, "-emit-only")
		return status, stderr
	}
	t.Run("below a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte("x"), 0o666); err != nil {
			t.Fatal(err)
		}
		status, stderr := emit(filepath.Join(file, "sys"))
		if status != 1 {
			t.Errorf("status %d, want 1", status)
		}
		wantAll(t, stderr, file)
	})
	t.Run("one place is taken", func(t *testing.T) {
		dir := t.TempDir()
		// Alphabetically last, so that the others come first.
		if err := os.MkdirAll(filepath.Join(dir, "ztypes_linux.go", "x"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "zconst_linux.go"), []byte("old"), 0o666); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, dir)
		status, stderr := emit(dir)
		if status != 1 {
			t.Errorf("status %d, want 1", status)
		}
		wantAll(t, stderr, "ztypes_linux.go")
		if after := snapshot(t, dir); len(after) != len(before) || after["zconst_linux.go"] != "old" {
			t.Errorf("before %v\nafter %v", before, after)
		}
	})
	t.Run("files of ports that are not chosen", func(t *testing.T) {
		dir := t.TempDir()
		if status, stderr := emit(dir); status != 0 {
			t.Fatal(stderr)
		}
		before := snapshot(t, dir)
		status, _, stderr := gen("-ports", "amd64,mips", "-facts", goldenFacts, "-out", dir, "-emit-only")
		if status != 1 {
			t.Errorf("status %d, want 1", status)
		}
		wantAll(t, stderr, dir, "zconst_linux_386.go")
		if after := snapshot(t, dir); len(after) != len(before) {
			t.Error("something was written or removed")
		}
	})
	t.Run("facts of other headers", func(t *testing.T) {
		needClang(t, mustPorts(t, samplePorts))
		facts := filepath.Join(t.TempDir(), "facts")
		if err := os.CopyFS(facts, os.DirFS(goldenFacts)); err != nil {
			t.Fatal(err)
		}
		before := snapshot(t, facts)
		status, _, stderr := gen("-headers", "testdata/headers", "-source", "own 1", "-ports", "mips", "-facts", facts, "-facts-only")
		if status != 1 {
			t.Errorf("status %d, want 1", status)
		}
		wantAll(t, stderr, facts, "own 1", "linux 9.5.6-1")
		if after := snapshot(t, facts); after["mips.json"] != before["mips.json"] {
			t.Error("mips.json was written")
		}
	})
}

// TestCheckWritesNothing changes a file and asks.
func TestCheckWritesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sys")
	args := []string{"-ports", samplePorts, "-facts", goldenFacts, "-out", dir, "-emit-only"}
	if status, _, stderr := gen(args...); status != 0 {
		t.Fatal(stderr)
	}
	if status, _, stderr := gen(append(args, "-check")...); status != 0 {
		t.Errorf("nothing changed and -check says: %d\n%s", status, stderr)
	}
	path := filepath.Join(dir, "zconst_linux_mips.go")
	if err := os.WriteFile(path, []byte("edited"), 0o666); err != nil {
		t.Fatal(err)
	}
	status, stdout, stderr := gen(append(args, "-check")...)
	if status != 1 {
		t.Errorf("status %d, want 1", status)
	}
	wantAll(t, stdout+stderr, path, "would change")
	if text, _ := os.ReadFile(path); string(text) != "edited" {
		t.Error("-check wrote")
	}
}
