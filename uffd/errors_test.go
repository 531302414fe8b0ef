package uffd

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

// hidden is an error that says that the kernel lacks something, on any system.
var hidden = errors.ErrUnsupported

func TestOpenError(t *testing.T) {
	attempts := func(syscallErr, deviceErr, userErr error) []Attempt {
		a := []Attempt{
			{SyscallPath, false, "userfaultfd", syscallErr},
			{DevicePath, false, "open /dev/userfaultfd", deviceErr},
		}
		if userErr != nil {
			a = append(a, Attempt{SyscallPath, true, "userfaultfd", userErr})
		}
		return a
	}
	for _, test := range []struct {
		name                  string
		attempts              []Attempt
		permission, unsupport bool
		words                 []string
	}{
		{"an ordinary user", attempts(fs.ErrPermission, fs.ErrPermission, nil), true, false,
			[]string{"userfaultfd: permission denied; open /dev/userfaultfd: permission denied", "CAP_SYS_PTRACE", "vm.unprivileged_userfaultfd=1", "user-mode-only"}},
		{"an ordinary user of an older kernel", attempts(fs.ErrPermission, hidden, nil), true, false, []string{"CAP_SYS_PTRACE"}},
		{"only the device is there, and refused", attempts(hidden, fs.ErrPermission, nil), true, false, []string{"permission to open /dev/userfaultfd"}},
		{"no userfaultfd", attempts(hidden, hidden, hidden), false, true, []string{"CONFIG_USERFAULTFD", "(user-mode-only)"}},
		{"refused even for user mode", []Attempt{{SyscallPath, true, "userfaultfd", fs.ErrPermission}}, true, false, []string{"seccomp"}},
		{"no user mode", []Attempt{{SyscallPath, true, "userfaultfd", hidden}}, false, true, []string{"Linux 5.11"}},
		{"something else", attempts(syscall.EINTR, fs.ErrPermission, nil), true, false, []string{syscall.EINTR.Error()}},
		{"something else alone", []Attempt{{SyscallPath, false, "userfaultfd", syscall.EINTR}}, false, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := error(&OpenError{test.attempts})
			if got := errors.Is(err, fs.ErrPermission); got != test.permission {
				t.Errorf("is a lack of permission: %v", got)
			}
			if got := errors.Is(err, errors.ErrUnsupported); got != test.unsupport {
				t.Errorf("is unsupported: %v", got)
			}
			for _, w := range test.words {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"uffd: control: file already closed":                       &Error{Op: "control", Err: ErrClosed},
		"uffd: UFFDIO_API with features MOVE: file does not exist": &Error{Op: "UFFDIO_API", Detail: "with features MOVE", Err: fs.ErrNotExist},
		"uffd: this kernel lacks the required features RWP|0x10000000000 (it has MOVE): unsupported operation": &FeatureError{
			Missing: FeatureRWP | 1<<40, Available: FeatureMove},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
