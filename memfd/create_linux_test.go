package memfd

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// kernel answers memfd_create as a kernel with the given flags and sysctl does.
type kernel struct {
	known   uint // flags
	noexec2 bool // vm.memfd_noexec is 2
	full    bool // there is no descriptor left
	t       *testing.T
	calls   []Flags
	open    []int
}

func (k *kernel) memfdCreate(name string, flags uint) (int, error) {
	k.calls = append(k.calls, Flags(flags))
	switch {
	case flags&^k.known != 0:
		return -1, unix.EINVAL
	case k.noexec2 && flags&sys.MFD_NOEXEC_SEAL == 0:
		return -1, unix.EACCES
	case k.full:
		return -1, unix.EMFILE
	}
	n, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		k.t.Fatal(err)
	}
	k.open = append(k.open, n)
	return n, nil
}

// What is asked of kernels older and stricter than the one at hand. The flags
// are tried, never derived from a version.
func TestCreateAsksTheKernel(t *testing.T) {
	const (
		old   = sys.MFD_CLOEXEC | sys.MFD_ALLOW_SEALING | sys.MFD_HUGETLB
		newer = old | sys.MFD_NOEXEC_SEAL | sys.MFD_EXEC
	)
	for _, test := range []struct {
		name  string
		k     kernel
		flags Flags
		got   Flags // what the file was made with
		err   error
		calls int
	}{
		{"6.3", kernel{known: newer}, AllowSealing, AllowSealing | NoExecSeal, nil, 1},
		{"6.3 exec", kernel{known: newer}, Exec, Exec, nil, 1},
		{"6.3 both", kernel{known: newer &^ sys.MFD_EXEC}, Exec | NoExecSeal, 0, unix.EINVAL, 2},
		{"6.3 unknown flag", kernel{known: newer}, 1 << 20, 0, unix.EINVAL, 2},
		{"noexec", kernel{known: newer, noexec2: true}, 0, NoExecSeal, nil, 1},
		{"noexec exec", kernel{known: newer, noexec2: true}, Exec, 0, unix.EACCES, 1},
		{"6.3 full", kernel{known: newer, full: true}, 0, 0, unix.EMFILE, 1},
		{"5.10", kernel{known: old}, AllowSealing, AllowSealing, nil, 2},
		{"5.10 full", kernel{known: old, full: true}, AllowSealing, 0, unix.EMFILE, 2},
		{"5.10 exec", kernel{known: old}, Exec | AllowSealing, AllowSealing, nil, 2},
		{"5.10 noexec", kernel{known: old}, NoExecSeal, 0, errors.ErrUnsupported, 2},
		{"5.10 both", kernel{known: old}, Exec | NoExecSeal, 0, unix.EINVAL, 2},
		{"5.10 unknown flag", kernel{known: old}, 1 << 20, 0, unix.EINVAL, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.k.t = t
			n, asked, err := create(test.k.memfdCreate, "test", test.flags)
			if !errors.Is(err, test.err) || (err == nil) != (n >= 0) || err == nil && asked != test.got {
				t.Errorf("descriptor %d made with %v, %v; want %v, %v", n, asked, err, test.got, test.err)
			}
			if len(test.k.calls) != test.calls {
				t.Errorf("asked for %v", test.k.calls)
			}
			for _, fd := range test.k.open {
				closed := errors.Is(unix.Close(fd), unix.EBADF)
				if closed != (fd != n) {
					t.Errorf("descriptor %d is closed: %v; the file's is %d", fd, closed, n)
				}
			}
		})
	}
}

// The strict setting, for real: a process may tighten it for its own PID
// namespace, where the setting of the machine does not change.
func TestCreateUnderNoexec(t *testing.T) {
	const mark = "MEMFD_TEST_NOEXEC"
	if os.Getenv(mark) != "" {
		underNoexec()
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCreateUnderNoexec$", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) {
		testgate.Skip(t, testgate.Namespaces, err.Error())
	}
	first, _, _ := strings.Cut(string(out), "\n")
	if reason, ok := strings.CutPrefix(first, "unsupported: "); ok {
		testgate.Skip(t, testgate.MemfdNoexec, reason)
	}
	if err != nil || first != "as wanted" {
		t.Errorf("%v: %s", err, out)
	}
}

// underNoexec runs in the child and says one thing.
func underNoexec() {
	if err := os.WriteFile("/proc/sys/vm/memfd_noexec", []byte("2"), 0); err != nil {
		fmt.Println("unsupported:", err)
		return
	}
	f, err := Create("test", 0)
	if err == nil {
		err = f.Close()
	}
	var im *Image
	if err == nil {
		if im, err = NewImage([]Segment{{0, []byte{1}}}, ImageOptions{}); err == nil {
			err = im.Close()
		}
	}
	_, refused := Create("test", Exec)
	switch {
	case err != nil:
		fmt.Println(err)
	case !errors.Is(refused, unix.EACCES) || !strings.Contains(refused.Error(), "vm.memfd_noexec"):
		fmt.Println("with Exec:", refused)
	default:
		fmt.Println("as wanted")
	}
}
