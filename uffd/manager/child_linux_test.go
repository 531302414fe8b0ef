package manager

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/fdpass"
)

// The processes whose faults are served are this test binary again, for one
// function of children: nothing of the testing package runs in them.
const (
	childEnv   = "PAGESLOT_MANAGER_CHILD"
	stationEnv = "PAGESLOT_MANAGER_STATION"
	shortEnv   = "PAGESLOT_MANAGER_SHORT" // the tests run with -short, 1 or 0
)

var children = map[string]func(*client) error{}

func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	if err := runChild(name); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(0)
}

func runChild(name string) error {
	child := children[name]
	if child == nil {
		return fmt.Errorf("no child %q", name)
	}
	// A thread that waits for a page which nobody will bring ends for SIGKILL alone.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: os.Getenv(stationEnv), Net: "unix"})
	if err != nil {
		return err
	}
	defer conn.Close()
	return child(&client{conn: conn})
}

// client is a child's end of the connection to the station.
type client struct {
	conn *net.UnixConn
	d    *uffd.Descriptor
	id   ID
}

// open makes a descriptor for everything that a process can tell.
func (c *client) open(required uffd.Features) error {
	d, err := uffd.Open(uffd.Options{Required: required, Wanted: Events | uffd.FeatureThreadID, UserMode: uffd.UserModeFallback})
	c.d = d
	return err
}

// serve registers memory and has the station serve it.
func (c *client) serve(mode uffd.Mode, regions ...told) error {
	for _, r := range regions {
		if _, err := c.d.Register(r.Range, mode); err != nil {
			return err
		}
	}
	var with []fdpass.Holder
	if c.id == 0 {
		with = append(with, c.d)
	}
	out, err := json.Marshal(request{PID: os.Getpid(), ID: c.id, Regions: regions})
	if err != nil {
		return err
	}
	if err := fdpass.Send(c.conn, out, with...); err != nil {
		return err
	}
	in := make([]byte, 1<<12)
	n, err := c.conn.Read(in)
	if err != nil {
		return err
	}
	var a answer
	if err := json.Unmarshal(in[:n], &a); err != nil {
		return err
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	c.id = a.ID
	return nil
}

// served opens a descriptor and has fresh memory served, with the pattern of a salt.
func (c *client) served(pages int, salt uint64) ([]byte, error) {
	if err := c.open(0); err != nil {
		return nil, err
	}
	mem, err := fresh(pages)
	if err != nil {
		return nil, err
	}
	return mem, c.serve(uffd.ModeMissing, told{Range: uffd.RangeOf(mem), Salt: salt})
}

func fresh(pages int) ([]byte, error) {
	return unix.Mmap(-1, 0, pages*int(systemPage), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
}

// holds compares memory with the pattern, from an offset of it on.
func holds(mem []byte, salt, offset uint64) error {
	want := make([]byte, systemPage)
	for i := uint64(0); i < uint64(len(mem)); i += systemPage {
		_, _ = patternSource{salt}.ReadAt(want, int64(offset+i))
		if !bytes.Equal(mem[i:i+systemPage], want) {
			return fmt.Errorf("page %d begins with % x, want % x", i/systemPage, mem[i:i+8], want[:8])
		}
	}
	return nil
}

func zeros(mem []byte) error {
	want := make([]byte, systemPage)
	for i := uint64(0); i < uint64(len(mem)); i += systemPage {
		if !bytes.Equal(mem[i:i+systemPage], want) {
			return fmt.Errorf("page %d begins with % x, want zeros", i/systemPage, mem[i:i+8])
		}
	}
	return nil
}

// spawned is a child that runs.
type spawned struct {
	cmd    *exec.Cmd
	output bytes.Buffer
	cancel context.CancelFunc
}

// spawn starts a child.
func (s *station) spawn(name string) *spawned {
	s.t.Helper()
	s.listens.Do(func() { s.serving.Go(s.accept) })
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(s.t, time.Minute))
	c := &spawned{cancel: cancel}
	c.cmd = exec.CommandContext(ctx, "/proc/self/exe")
	c.cmd.Args[0] = os.Args[0]
	// The race detector waits for a second at the end, for reports on their way.
	c.cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"), childEnv+"="+name, stationEnv+"="+s.listener.Addr().String(),
		shortEnv+"="+strconv.Itoa(testgate.Rounds(0, 1)))
	c.cmd.Stdout, c.cmd.Stderr = &c.output, &c.output
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGQUIT) }
	c.cmd.WaitDelay = testgate.Stretch(s.t, 3*time.Second)
	if err := c.cmd.Start(); err != nil {
		cancel()
		s.t.Fatal(err)
	}
	return c
}

// wait waits for the child's end.
func (c *spawned) wait() error {
	defer c.cancel()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("child: %w: it printed: %s", err, c.output.Bytes())
	}
	return nil
}

// run is a child from beginning to end, and its service to the end.
func (s *station) run(name string) {
	s.t.Helper()
	if err := s.spawn(name).wait(); err != nil {
		s.t.Error(err)
	}
	s.wait("no process is left", func() bool { return s.m.Processes() == 0 })
}

// needs skips the test if this process may not have a descriptor with features: its
// children neither.
func needs(t testing.TB, required uffd.Features) {
	t.Helper()
	d, err := uffd.Open(uffd.Options{UserMode: uffd.UserModeFallback})
	testgate.Need(t, testgate.Userfaultfd, err)
	_ = d.Close()
	d, err = uffd.Open(uffd.Options{Required: required, UserMode: uffd.UserModeFallback})
	if errors.Is(err, uffd.ErrEventFork) {
		testgate.Skip(t, testgate.Root, err.Error())
	}
	testgate.Need(t, testgate.UffdFeature, err)
	_ = d.Close()
}
