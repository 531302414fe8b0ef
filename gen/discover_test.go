package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMacros(t *testing.T) {
	const text = `# 1 "<built-in>" 1
#define __clang__ 1
# 1 "<stdin>" 2
# 1 "/tree/usr/include/linux/a.h" 1 3 4
#define PLAIN 1
#define EMPTY
#define FUNCTION(x) (x)
#define SPACED (x)
#define TWICE 1
int declaration; #define NOT_AT_THE_START 1
# 7 "/tree/asm dir \"x\"/asm/b.h" 3
#define TWICE 2
#define GONE 1
#undef GONE
#define BACK 1
#undef BACK
#define BACK 2
#define BECOMES_FUNCTION 1
#define BECOMES_FUNCTION(x) 1
# 1 "/usr/lib/clang/16/include/stddef.h" 1
#define NULL 0
`
	got := parseMacros(text, []string{`/tree/asm dir "x"`, "/tree/usr/include/"})
	want := map[string]string{
		"__clang__": "", "NULL": "",
		"PLAIN": "linux/a.h", "EMPTY": "linux/a.h", "SPACED": "linux/a.h",
		"TWICE": "asm/b.h", "BACK": "asm/b.h",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		header, name string
		want         bool
	}{
		{"linux/userfaultfd.h", "UFFDIO_COPY", true},
		{"linux/userfaultfd.h", "_UFFDIO_COPY", true},
		{"linux/userfaultfd.h", "UFFD_SOMETHING_NEW", true},
		{"linux/userfaultfd.h", "UFFD_API", true},
		{"linux/userfaultfd.h", "UFFD_API_FEATURES", false},
		{"linux/userfaultfd.h", "UFFD_API_RANGE_IOCTLS_BASIC", false},
		{"linux/userfaultfd.h", "_LINUX_USERFAULTFD_H", false},
		{"linux/other.h", "UFFDIO_COPY", false},
		{"linux/memfd.h", "MFD_HUGE_2MB", true},
		{"asm-generic/hugetlb_encode.h", "HUGETLB_FLAG_ENCODE_2MB", true},
		{"asm/mman.h", "MADV_SOMETHING_NEW", true},
		{"asm-generic/mman-common.h", "PKEY_ACCESS_MASK", false},
		{"linux/fcntl.h", "F_SEAL_EXEC", true},
		{"linux/fcntl.h", "F_NOTIFY", false},
		{"linux/fcntl.h", "PIDFD_SELF", true},
		{"asm-generic/fcntl.h", "O_CLOEXEC", true},
		{"asm-generic/fcntl.h", "F_GETFD", true},
		{"asm-generic/fcntl.h", "F_GETLK", false},
		{"linux/fs.h", "PAGE_IS_WRITTEN", true},
		{"linux/fs.h", "FS_IOC_GETFLAGS", false},
		{"linux/io_uring.h", "IORING_REGISTER_BUFFERS", true},
		{"linux/io_uring.h", "IORING_UNREGISTER_BUFFERS", true},
		{"linux/io_uring.h", "IORING_REGISTER_BUFFERS2", false},
		{"linux/io_uring.h", "IORING_OP_NOP", false},
		{"asm-generic/siginfo.h", "SEGV_PKUERR", true},
		{"asm-generic/siginfo.h", "NSIGSEGV", false},
		{"asm/unistd_64.h", "__NR_mseal", true},
		{"asm-generic/unistd.h", "__NR_arch_specific_syscall", false},
		{"asm/unistd.h", "__NR_syscalls", false},
		{"asm/unistd.h", "__NR_syscall", true},
		{"asm/unistd.h", "__NR_Linux", false},
		{"asm/unistd.h", "__NR_O32_Linux_syscalls", false},
		{"asm/unistd.h", "__NR_SYSCALL_BASE", false},
		{"asm/unistd.h", "__NR_OABI_SYSCALL_BASE", false},
	} {
		if got := ruleFor(c.header, c.name) >= 0; got != c.want {
			t.Errorf("%s of %s: wanted %v, want %v", c.name, c.header, got, c.want)
		}
	}
}
