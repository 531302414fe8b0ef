package manager_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/fdpass"
	"github.com/pageslot/pageslot/uffd/manager"
)

// Serve another process's faults. Both are this program: the one that it starts has
// its memory served, and reads it.
func Example() {
	ours, theirs, err := socketPair()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer ours.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), servedEnv+"=1")
	cmd.ExtraFiles = []*os.File{theirs} // descriptor 3 there
	cmd.Stderr = os.Stderr
	var said strings.Builder
	cmd.Stdout = &said
	err = cmd.Start()
	_ = theirs.Close()
	if err == nil {
		err = serve(ours, cmd.Process.Pid, strings.NewReader("What the memory holds comes from afar."))
	}
	if waited := cmd.Wait(); err == nil {
		err = waited
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(said.String())
}

// serve serves the process at the other end of conn until it ends.
func serve(conn *net.UnixConn, pid int, source io.ReaderAt) error {
	var where [16]byte
	_, fds, err := fdpass.Receive(conn, where[:], 1)
	if err != nil {
		return err
	}
	d, err := uffd.FromFD(fds[0])
	if err != nil {
		return err
	}
	m, err := manager.New(manager.Options{})
	if err != nil {
		return err
	}
	defer m.Close()
	memory := uffd.Range{
		Start: binary.NativeEndian.Uint64(where[:]),
		Len:   binary.NativeEndian.Uint64(where[8:]),
	}
	if _, err := m.Add(d, manager.Process{PID: pid, Regions: []manager.Region{{Range: memory, Source: source}}}); err != nil {
		_ = d.Close()
		return err
	}
	if _, err := conn.Write([]byte("served")); err != nil {
		return err
	}
	return m.Run(context.Background())
}

// served is the other process: it never learns who fills its memory.
func served(conn *net.UnixConn) error {
	mem, err := unix.Mmap(-1, 0, os.Getpagesize(), unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	d, err := uffd.Open(uffd.Options{Wanted: manager.Events, UserMode: uffd.UserModeFallback})
	if err != nil {
		return err
	}
	defer d.Close()
	r := uffd.RangeOf(mem)
	if _, err := d.Register(r, uffd.ModeMissing); err != nil {
		return err
	}
	where := binary.NativeEndian.AppendUint64(nil, r.Start)
	where = binary.NativeEndian.AppendUint64(where, r.Len)
	if err := fdpass.Send(conn, where, d); err != nil {
		return err
	}
	// Until it is served, a touch would wait for nobody.
	if _, err := io.ReadFull(conn, make([]byte, len("served"))); err != nil {
		return err
	}
	text, _, _ := strings.Cut(string(mem), "\x00")
	fmt.Println(text)
	return nil
}

const servedEnv = "PAGESLOT_MANAGER_EXAMPLE"

func init() {
	if os.Getenv(servedEnv) == "" {
		return
	}
	conn, err := net.FileConn(os.NewFile(3, "socket"))
	if err == nil {
		err = served(conn.(*net.UnixConn))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

// socketPair is two ends of a connection: one for this process, one to give away.
func socketPair() (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	first := os.NewFile(uintptr(fds[0]), "socket")
	defer first.Close()
	second := os.NewFile(uintptr(fds[1]), "socket")
	conn, err := net.FileConn(first)
	if err != nil {
		_ = second.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), second, nil
}
