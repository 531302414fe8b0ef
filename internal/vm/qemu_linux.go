package vm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// qemu is one process of QEMU. What the machine says comes from console.
type qemu struct {
	console *os.File
	process *os.Process
	ended   chan error // gets what Wait says
	stderr  *ends
}

// arguments are those of every machine. The initrd has no name any more when
// QEMU opens it.
func arguments(c Config, accel string, initrdFD int) []string {
	return slices.Concat(c.QEMU[1:], c.Args, []string{
		"-accel", accel,
		"-kernel", c.Kernel,
		"-initrd", fmt.Sprintf("/proc/self/fd/%d", initrdFD),
		// The machine ends when its kernel gives up, but not before the console has
		// all that the kernel says about it. A kernel that stumbles gives up.
		"-append", strings.TrimSpace(c.Append + " panic=1 oops=panic quiet"),
		"-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
	})
}

// startQEMU starts it so that it dies with this process, even if that is killed.
// The kernel takes the thread that started it for its parent, so that thread has
// to stay.
func startQEMU(c Config, accel string, initrd *os.File) (*qemu, error) {
	console, stdout, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer stdout.Close()
	q := &qemu{console: console, ended: make(chan error, 1), stderr: new(ends)}
	const firstExtra = 3
	cmd := exec.Command(c.QEMU[0], arguments(c, accel, firstExtra)...)
	cmd.Stdout, cmd.Stderr = stdout, q.stderr
	cmd.ExtraFiles = []*os.File{initrd}
	cmd.WaitDelay = time.Second
	// A terminal's interrupt is for this process, which ends the machine in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			q.ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		console.Close()
		return nil, err
	}
	q.process = cmd.Process
	return q, nil
}

// kill ends it, and returns when it is gone.
func (q *qemu) kill() error {
	q.process.Kill()
	q.console.Close()
	return <-q.ended
}

// wait returns how it ended, if it does so soon.
func (q *qemu) wait() error {
	select {
	case err := <-q.ended:
		q.console.Close()
		return err
	case <-time.After(powerOffTime):
		return q.kill()
	}
}

// said is what QEMU itself has to say: the last of its lines that is no warning.
func (q *qemu) said() (line string) {
	for l := range bytes.Lines([]byte(q.stderr.String())) {
		if l := strings.TrimSpace(string(l)); l != "" && !strings.Contains(l, "warning:") {
			line = l
		}
	}
	return line
}
