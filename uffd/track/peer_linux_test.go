package track

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/testgate"
	"github.com/pageslot/pageslot/uffd"
	"github.com/pageslot/pageslot/uffd/pagemap"
)

const peerEnv = "PAGESLOT_TEST_PEER"

// TestPeer is another process: it has a userfaultfd and eight pages, says where they
// are, and writes to those that it reads the numbers of.
func TestPeer(t *testing.T) {
	if os.Getenv(peerEnv) == "" {
		return
	}
	features := uffd.FeatureWPAsync
	if os.Getenv(peerEnv) == "rwp" {
		features = uffd.FeatureRWP | uffd.FeatureRWPAsync
	}
	d, err := uffd.Open(uffd.Options{Required: features, UserMode: uffd.UserModeOnly})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	a := anon(t, 8)
	a.fill(1)
	fmt.Printf("descriptor %d memory %#x\n", d.FD(), a.all().Start)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var i int
		if _, err := fmt.Sscan(lines.Text(), &i); err != nil {
			t.Fatal(err)
		}
		a.write(i)
		fmt.Println("written")
	}
}

// peer is the other side of TestPeer.
type peer struct {
	t     *testing.T
	pid   int
	d     *uffd.Descriptor
	mem   uffd.Range
	write func(i int)
	stop  func()
}

func startPeer(t *testing.T, kind string) *peer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^TestPeer$")
	c.Env = append(os.Environ(), peerEnv+"="+kind)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	p := &peer{t: t, pid: c.Process.Pid, stop: func() {
		if !stopped {
			stopped = true
			_ = in.Close()
			_ = c.Wait()
		}
	}}
	t.Cleanup(p.stop)
	lines := bufio.NewReader(out)
	await := func(word string) string {
		t.Helper()
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("the other process ended: %v, %q", err, line)
			}
			if strings.HasPrefix(line, word) {
				return line
			}
		}
	}
	var fd int
	if _, err := fmt.Sscanf(await("descriptor"), "descriptor %d memory 0x%x", &fd, &p.mem.Start); err != nil {
		t.Fatal(err)
	}
	p.mem.Len = 8 * page
	p.write = func(i int) {
		t.Helper()
		if _, err := fmt.Fprintln(in, i); err != nil {
			t.Fatal(err)
		}
		await("written")
	}
	p.d = p.take(fd)
	return p
}

// take gets a copy of the other process's descriptor.
func (p *peer) take(fd int) *uffd.Descriptor {
	p.t.Helper()
	pidfd, err := unix.PidfdOpen(p.pid, 0)
	testgate.Need(p.t, testgate.Pidfd, err)
	defer unix.Close(pidfd)
	mine, err := unix.PidfdGetfd(pidfd, fd, 0)
	testgate.Need(p.t, testgate.Root, err) // or a system that lets a parent trace its child
	d, err := uffd.FromFD(mine)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = d.Close() })
	return d
}

// Memory of another process, by its descriptor.
func TestOtherProcess(t *testing.T) {
	open(t)
	p := startPeer(t, "wp")
	tr, err := New(p.d, p.pid)
	if err != nil {
		t.Fatal(err)
	}
	add(t, tr, p.mem)
	ask := func(call func([]pagemap.Region, func(uffd.Range) error) error) (got []uffd.Range) {
		t.Helper()
		if err := call(buf(), func(r uffd.Range) error { got = append(got, r); return nil }); err != nil {
			t.Fatal(err)
		}
		return got
	}
	pages := func(i, n uint64) uffd.Range { return uffd.Range{Start: p.mem.Start + i*page, Len: n * page} }
	if got := ask(tr.Dirty); len(got) != 0 {
		t.Errorf("added: %v", got)
	}
	p.write(2)
	p.write(3)
	p.write(6)
	for _, call := range []func([]pagemap.Region, func(uffd.Range) error) error{tr.Dirty, tr.Collect} {
		if got := fmt.Sprint(ask(call)); got != fmt.Sprint([]uffd.Range{pages(2, 2), pages(6, 1)}) {
			t.Errorf("written: %v", got)
		}
	}
	if got := ask(tr.Collect); len(got) != 0 {
		t.Errorf("collected: %v", got)
	}
	p.write(2)
	if err := tr.Reset(); err != nil {
		t.Fatal(err)
	}
	p.write(0)
	if got := fmt.Sprint(ask(tr.Collect)); got != fmt.Sprint([]uffd.Range{pages(0, 1)}) {
		t.Errorf("reset and written: %v", got)
	}
	p.stop()
	for what, err := range map[string]error{
		"Collect": tr.Collect(buf(), func(uffd.Range) error { return nil }),
		"Dirty":   tr.Dirty(buf(), func(uffd.Range) error { return nil }),
		"Reset":   tr.Reset(),
	} {
		if !errors.Is(err, uffd.ErrGone) {
			t.Errorf("%s after its end: %v; want ErrGone", what, err)
		}
	}
	if err := tr.Close(); err != nil {
		t.Error(err)
	}
}
