package track

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/internal/rawproc"
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

// After a fork the parent's writes are noted, though they go to copies; the child's
// are its own affair.
func TestFork(t *testing.T) {
	if err := rawproc.Supported(); err != nil {
		testgate.Need(t, testgate.Port, err)
	}
	tr := open(t)
	a := anon(t, 8)
	add(t, tr, a.all())
	a.fill(1)
	a.want(t, tr, "filled", "0-7")
	p, err := rawproc.Fork(rawproc.Store(a.span(5, 1).Start, 9), rawproc.Load(a.span(5, 1).Start))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), testgate.Stretch(t, 20*time.Second))
	defer cancel()
	if status, err := p.Wait(ctx); err != nil || status.ExitStatus() != 0 {
		t.Fatal(status, err)
	}
	if got, done := p.Result(1); !done || got != 9 {
		t.Errorf("the child has %d, %v", got, done)
	}
	a.want(t, tr, "written by the child", "")
	a.write(2)
	a.want(t, tr, "written by the parent", "2")
}

// Memory that moves is tracked no more.
func TestMremap(t *testing.T) {
	tr := open(t)
	a := anon(t, 4)
	add(t, tr, a.all())
	a.fill(1)
	mem, err := unix.Mmap(-1, 0, 4*int(page), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	r := uffd.RangeOf(mem)
	if err := tr.Add(r); err != nil {
		t.Fatal(err)
	}
	mem[0] = 1
	moved, err := unix.Mremap(mem, 8*int(page), unix.MREMAP_MAYMOVE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(moved)
	if uffd.RangeOf(moved).Start == r.Start { // it could grow where it was
		return
	}
	moved[page] = 1
	if got := a.ask(t, func(b []pagemap.Region, f func(uffd.Range) error) error {
		return tr.Dirty(b, func(x uffd.Range) error {
			if !a.all().Contains(x.Start) {
				t.Errorf("%v is dirty, and was moved away", x)
				return nil
			}
			return f(x)
		})
	}); got != "0-3" {
		t.Errorf("the rest: %q", got)
	}
}

// Swapping out and in changes nothing.
func TestSwap(t *testing.T) {
	tr := open(t)
	a := anon(t, 8)
	add(t, tr, a.all())
	a.fill(1)
	a.want(t, tr, "filled", "0-7")
	a.write(1)
	a.write(2)
	m, err := pagemap.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var e [8]pagemap.Entry
	for range 20 {
		a.advise(t, 0, 8, unix.MADV_PAGEOUT)
		if _, err := m.Entries(a.all().Start, e[:]); err != nil {
			t.Fatal(err)
		}
		if !e[1].Present() && !e[5].Present() {
			break
		}
		time.Sleep(testgate.Stretch(t, time.Millisecond))
	}
	if e[1].Present() || e[5].Present() {
		testgate.Skip(t, testgate.Swap, fmt.Sprintf("MADV_PAGEOUT left pages in memory: %v", e))
	}
	a.want(t, tr, "swapped out", "1-2")
	a.read(1)
	a.read(5)
	a.want(t, tr, "swapped in", "")
	a.write(5)
	a.want(t, tr, "written", "5")
}
