package vm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/testgate"
)

// started calls f in the background once the job prints, with QEMU's process.
type started struct {
	t *testing.T
	f func(pid int)
}

func (s started) Write(p []byte) (int, error) {
	pids := children(s.t, os.Getpid())
	if len(pids) != 1 {
		s.t.Errorf("children %v, want QEMU alone", pids)
		return len(p), nil
	}
	s.f(pids[0])
	return len(p), nil
}

func sleeper(program string, w started) Job {
	return Job{Name: "sleeper", Program: program, Env: []string{actEnv + "=sleep"}, Stdout: w, Limit: 5 * time.Second}
}

func TestQEMUIsKilled(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	_, err := Run(during(t), c, []Job{sleeper(program, started{t, func(pid int) { syscall.Kill(pid, syscall.SIGKILL) }})}, nil)
	failed(t, err, "it ended without an exit status of job sleeper; QEMU ended: signal: killed")
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// A machine that stands still says nothing, and is not waited for without end.
func TestMachineHangs(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	m := machine{Config: c, accel: emulation(c.Arch), slow: 1, log: func(string) {}, quiet: 2 * time.Second}
	var err error
	if m.init, err = buildInit(during(t), c.Cache, c.Arch); err != nil {
		t.Fatal(err)
	}
	j := sleeper(program, started{t, func(pid int) { syscall.Kill(pid, syscall.SIGSTOP) }})
	_, err = m.run(during(t), []Job{j})
	failed(t, err, "no word from the machine while job sleeper ran, long after its limit of 5s")
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
}

// A machine that switches itself off before it has said all is no pass.
func TestMachineEndsEarly(t *testing.T) {
	c, _ := hostMachine(t)
	scratch(t)
	c.Append = "console=tty0"
	_, err := Run(during(t), c, nil, nil)
	failed(t, err, "it ended before its init spoke; QEMU ended with exit status 0")
}

// A kernel with too little memory ends without a word, and not by an error of
// QEMU's.
func TestEndedSilently(t *testing.T) {
	const hint = "too little memory"
	q := &qemu{stderr: new(ends)}
	silent, talked := newSession("w", nil), newSession("w", nil)
	if err := talked.line([]byte("Linux version 6.1")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		s     *session
		ended error
		want  bool
	}{{silent, nil, true}, {silent, errors.New("exit status 1"), false}, {talked, nil, false}} {
		why := machine{}.explain(test.s, q, test.ended)
		if !strings.HasPrefix(why, "it ended before its init spoke; QEMU ended") || strings.Contains(why, hint) != test.want {
			t.Errorf("%+v: %s", test, why)
		}
	}
}

func TestCancel(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(during(t))
	_, err := Run(ctx, c, []Job{sleeper(program, started{t, func(int) { cancel(stop) }})}, nil)
	if !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	if left := children(t, os.Getpid()); len(left) > 0 {
		t.Errorf("processes are left: %v", left)
	}
	if _, err := Run(ctx, c, nil, nil); !errors.Is(err, stop) {
		t.Errorf("cancelled before: %v", err)
	}
}

// No word: the kernel talks to a console that is not ours.
func TestNoWord(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	c.Append, c.Boot, c.Slow = "console=tty0", 3*time.Second, 1
	_, err := Run(during(t), c, []Job{{Name: "sleeper", Program: program, Env: []string{actEnv + "=sleep"}}}, nil)
	failed(t, err, "no word from the machine within 3s")
}

func TestBadMachines(t *testing.T) {
	c, _ := hostMachine(t)
	scratch(t)
	other := c
	other.QEMU = []string{"qemu-system-pdp11"}
	_, err := Run(during(t), other, nil, nil)
	failed(t, err, "QEMU: exec: \"qemu-system-pdp11\": executable file not found")

	other = c
	other.Args = append([]string{"-such-an-option"}, c.Args...)
	_, err = Run(during(t), other, nil, nil)
	failed(t, err, "it ended before its init spoke; QEMU ended: exit status 1")
	if n := strings.Count(err.Error(), "such-an-option"); n != 1 {
		t.Errorf("QEMU's words are there %d times: %v", n, err)
	}

	t.Setenv("PATH", t.TempDir())
	other = c
	other.Cache = t.TempDir()
	_, err = Run(during(t), other, nil, nil)
	failed(t, err, "build the init for "+c.Arch+": the go command is needed once for each port, and PATH has none")
}

// QEMU and its files do not outlive whoever started them, however he ends.
func TestHostIsKilled(t *testing.T) {
	c, program := hostMachine(t)
	scratch(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(during(t), self)
	cmd.Env = append(os.Environ(), actEnv+"=host", "VM_TEST_QEMU="+strings.Join(c.QEMU, " "), "VM_TEST_ARGS="+strings.Join(c.Args, " "),
		"VM_TEST_APPEND="+c.Append, "VM_TEST_ARCH="+c.Arch, "VM_TEST_CACHE="+c.Cache, "VM_TEST_PROGRAM="+program)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "asleep\n" {
		t.Fatalf("the host says %q, %v, %s", line, err, stderr.String())
	}
	machines := children(t, cmd.Process.Pid)
	if len(machines) != 1 {
		t.Fatalf("the host's processes: %v", machines)
	}
	cmd.Process.Kill()
	cmd.Wait()
	for end := time.Now().Add(testgate.Stretch(t, 10*time.Second)); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile("/proc/" + strconv.Itoa(machines[0]) + "/cmdline")
		if err != nil || len(text) == 0 { // gone, or nobody has asked for its status yet
			return
		}
		if time.Now().After(end) {
			syscall.Kill(machines[0], syscall.SIGKILL)
			t.Fatal("the machine goes on without its host")
		}
	}
}
