package harness

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
)

// faulting is c/faulter.c at work: a process whose faults are served here.
type faulting struct {
	d      *uffd.Descriptor
	memory uffd.Range
	page   uint64
	cmd    *exec.Cmd
	socket *os.File
}

// startFaulter starts it and takes over its descriptor.
func startFaulter(program string, args ...string) (*faulting, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	f := &faulting{socket: os.NewFile(uintptr(pair[0]), "socket"), cmd: exec.Command(program, args...)}
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	f.cmd.ExtraFiles = []*os.File{theirs}
	f.cmd.Stderr = os.Stderr
	err = f.cmd.Start()
	theirs.Close()
	if err != nil {
		return nil, err
	}
	return f, f.hello(pair[0])
}

// hello receives struct hello of c/bench.h: start, size of a page, pages.
func (f *faulting) hello(socket int) error {
	data, control := make([]byte, 24), make([]byte, unix.CmsgSpace(4))
	n, controls, _, _, err := unix.Recvmsg(socket, data, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil || n != len(data) {
		return fmt.Errorf("no descriptor came from the faulting process: %d bytes, %w", n, err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:controls])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("no descriptor came from the faulting process: %d messages, %w", len(messages), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return fmt.Errorf("%d descriptors came from the faulting process, %w", len(fds), err)
	}
	if f.d, err = uffd.FromFD(fds[0]); err != nil {
		return err
	}
	word := func(i int) uint64 { return binary.NativeEndian.Uint64(data[8*i:]) }
	f.page = word(1)
	f.memory = uffd.Range{Start: word(0), Len: word(1) * word(2)}
	return nil
}

// pages is how many it has.
func (f *faulting) pages() int { return int(f.memory.Len / f.page) }

// result receives struct result, and waits until the process has ended.
func (f *faulting) result() ([]float64, error) {
	data := make([]byte, 24)
	if n, err := f.socket.Read(data); n != len(data) {
		return nil, fmt.Errorf("no result came from the faulting process: %d bytes, %w", n, err)
	}
	var values []float64
	for i := range 3 {
		values = append(values, float64(binary.NativeEndian.Uint64(data[8*i:])))
	}
	if err := f.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("the faulting process: %w", err)
	}
	if err := f.d.Close(); err != nil {
		return nil, err
	}
	return values, f.socket.Close()
}
