package debian

import (
	"os/exec"
	"syscall"
	"time"
)

// group gives a command a process group of its own, for apt has children. Ending
// it tells all of them, and kills those that do not listen; finish is for after
// that, so that none is left.
func group(c *exec.Cmd) (finish func()) {
	kill := func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	var late *time.Timer
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	c.Cancel = func() error {
		late = time.AfterFunc(grace, kill)
		return syscall.Kill(-c.Process.Pid, syscall.SIGTERM)
	}
	return func() {
		// Wait has returned, so Cancel has: late is not written any more.
		if late != nil {
			late.Stop()
			kill()
		}
	}
}
