package harness

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/manager"
)

// serveWord is the worker that is no side of its own: the manager of one.
const serveWord = "serve"

// manager lets another process serve, of this program. It has the descriptor alone, so
// that its end is seen: what is missing then are zeros.
func (f *faults) manager(d *uffd.Descriptor) error {
	r := f.rangeOf()
	if _, err := d.Register(r, uffd.ModeMissing); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, workerWord, serveWord, strconv.FormatUint(r.Start, 10), strconv.Itoa(f.bytes), strconv.Itoa(len(f.memory)/f.bytes))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil { // it ends when this process does
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	fd, err := unix.FcntlInt(uintptr(d.FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("fcntl F_DUPFD_CLOEXEC: %w", err)
	}
	file := os.NewFile(uintptr(fd), "userfaultfd")
	cmd.ExtraFiles = []*os.File{file}
	err = cmd.Start()
	file.Close()
	if err != nil {
		return err
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "ready\n" {
		return fmt.Errorf("%q came from the manager instead of a word that it is ready, %v", said, err)
	}
	return d.Close()
}

// serve is that process.
func serve(args []string) error {
	var n [3]uint64
	if len(args) != len(n) {
		return fmt.Errorf("%s START BYTES COUNT, not %q", serveWord, args)
	}
	for i := range n {
		var err error
		if n[i], err = strconv.ParseUint(args[i], 10, 64); err != nil {
			return err
		}
	}
	source, err := mapped(int(n[1]*n[2]), -1)
	if err != nil {
		return err
	}
	for i := range source {
		source[i] = 1
	}
	d, err := uffd.FromFD(3)
	if err != nil {
		return err
	}
	m, err := manager.New(manager.Options{Granule: n[1]})
	if err != nil {
		return err
	}
	region := manager.Region{Range: uffd.Range{Start: n[0], Len: uint64(len(source))}, Source: manager.Bytes(source)}
	if _, err := m.Add(d, manager.Process{PID: os.Getppid(), Regions: []manager.Region{region}}); err != nil {
		return err
	}
	if _, err := fmt.Println("ready"); err != nil {
		return err
	}
	ctx, end := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	if err := m.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return m.Close()
}
