package main

import (
	"context"
	"debug/elf"
	"encoding/json"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/bytesize"
	"github.com/pageslot/pageslot/testgate"
)

// pages is a size for the command line.
func pages(n int) string { return bytesize.Size(n * os.Getpagesize()).String() }

// The job in many forms. What is checked is the report; the job checks the rest.
func TestRun(t *testing.T) {
	page := uint64(os.Getpagesize())
	raw := rawFile(t)
	zeros := filepath.Join(t.TempDir(), "zeros")
	if err := os.WriteFile(zeros, make([]byte, 3*page), 0o600); err != nil {
		t.Fatal(err)
	}
	turn := 0 // under -short root and an ordinary user take turns
	if os.Geteuid() != 0 {
		turn = 1
	}
	for i, tc := range []struct {
		name string
		args string
		also func(*testing.T, runReport)
	}{
		{"this program", "-slots " + strconv.Itoa(testgate.Rounds(5, 2)) + " -rounds 30 -dirty 8 -max-memory 64MiB", func(t *testing.T, r runReport) {
			if self, err := os.Executable(); err != nil || r.Image.File != self || r.Image.Segments < 2 || !strings.HasPrefix(r.Image.Format, "ELF") {
				t.Errorf("image %+v", r.Image)
			}
		}},
		{"a raw file", "-slots 20 -rounds 100 -dirty 8 -image " + raw, func(t *testing.T, r runReport) {
			if r.Image.Pages != 13 || r.Image.Data != 12 || r.Image.Format != "raw" || r.Image.Bytes != uint64(rawBytes()) {
				t.Errorf("image %+v", r.Image)
			}
		}},
		{"an image of zeros", "-slots 5 -rounds 50 -image " + zeros, func(t *testing.T, r runReport) {
			if r.Image.Pages != 0 || r.Image.Bytes != 3*page {
				t.Errorf("image %+v", r.Image)
			}
		}},
		{"one slot for four workers", "-slots 1 -workers 4 -rounds 20 -image " + raw, nil},
		{"more workers than slots", "-slots 3 -workers 16 -rounds 10 -image " + raw, nil},
		{"one worker", "-slots 20 -workers 1 -rounds 400 -image " + raw, func(t *testing.T, r runReport) {
			if r.AcquiredOther < uint64(r.Rounds)/20 {
				t.Errorf("%d slots held something else", r.AcquiredOther)
			}
		}},
		{"size not of whole pages", "-slots 7 -rounds 60 -image " + raw + " -size " + strconv.Itoa(rawBytes()+1), func(t *testing.T, r runReport) {
			if r.VerifiedBytes != 7*r.Size || r.Size != uint64(rawBytes()+1) {
				t.Errorf("%d bytes verified", r.VerifiedBytes)
			}
		}},
		{"no room to grow", "-slots 7 -rounds 60 -image " + raw + " -size " + pages(16) + " -max-memory " + pages(16), nil},
		{"all of every page dirtied", "-slots 7 -rounds 40 -dirty 100000 -image " + raw, nil},
		{"nothing dirtied", "-slots 7 -rounds 40 -dirty 0 -image " + raw, func(t *testing.T, r runReport) {
			if r.PagesDirtied != 0 {
				t.Errorf("%d pages", r.PagesDirtied)
			}
		}},
		{"no guard, no reservation", "-slots 4 -workers 1 -rounds 60 -seed 3 -guard 0 -reservation 0 -image " + raw + " -max-memory " + pages(16) + " -size " + pages(16), func(t *testing.T, r runReport) {
			for _, key := range []string{"byte_before", "page_before"} {
				if p := r.FaultsByPlace[key]; p.Caught != 0 || p.NotApplicable != r.Leases {
					t.Errorf("%s: %+v of %d leases", key, p, r.Leases)
				}
			}
			// Of few leases all may be as large as can be.
			few := testgate.Rounds(0, 1) == 1
			if p := r.FaultsByPlace["end"]; !few && (p.NotApplicable == 0 || p.Caught == 0) || p.Caught != 2*(r.Leases-p.NotApplicable) {
				t.Errorf("end: %+v of %d leases", p, r.Leases)
			}
		}},
		{"a guard alone", "-slots 4 -workers 1 -rounds 60 -guard " + pages(1) + " -reservation 0 -image " + raw + " -max-memory " + pages(16) + " -size " + pages(16), func(t *testing.T, r runReport) {
			if r.FaultsByPlace["page_before"].Caught != 2*r.Leases || r.Guard != page {
				t.Errorf("%+v", r.FaultsByPlace)
			}
		}},
		{"a reservation alone", "-slots 4 -workers 1 -rounds 60 -guard 0 -reservation " + pages(32) + " -image " + raw + " -max-memory " + pages(16), func(t *testing.T, r runReport) {
			// Ahead of the first slot of a slab there is nothing; ahead of the others, a reservation.
			if p := r.FaultsByPlace["byte_before"]; p.NotApplicable == 0 && p.Caught == 0 || r.FaultsByKind["guard"] != p.Caught+r.FaultsByPlace["page_before"].Caught {
				t.Errorf("%+v", r.FaultsByPlace)
			}
		}},
	} {
		if (i+turn)%testgate.Rounds(1, 2) != 0 {
			continue
		}
		t.Run(tc.name, func(t *testing.T) {
			args := strings.Fields(tc.args)
			rounds := &args[slices.Index(args, "-rounds")+1]
			n, err := strconv.Atoi(*rounds)
			if err != nil {
				t.Fatal(err)
			}
			*rounds = strconv.Itoa(testgate.Rounds(n, max((n+8)/9, 4)))
			r, c := runFor(t, runHooks{}, args...)
			if c.status != exitOK {
				t.Fatalf("status %d: %s", c.status, r.verdict())
			}
			checkReport(t, r)
			if tc.also != nil {
				tc.also(t, r)
			}
		})
	}
}

// checkReport checks what holds for every job that was ok.
func checkReport(t *testing.T, r runReport) {
	t.Helper()
	if !r.OK || r.Interrupted || r.Failures != 0 || len(r.First) != 0 || r.verdict() != "ok" {
		t.Errorf("ok %v, interrupted %v, failures %d %v", r.OK, r.Interrupted, r.Failures, r.First)
	}
	if want := uint64(r.Workers * r.Rounds); r.Leases != want || r.Acquire.Count != want || r.Reset.Count != want ||
		r.AcquiredAffine+r.AcquiredCold+r.AcquiredOther != want {
		t.Errorf("%d leases, want %d; acquired %d+%d+%d, timed %d and %d", r.Leases, want,
			r.AcquiredAffine, r.AcquiredCold, r.AcquiredOther, r.Acquire.Count, r.Reset.Count)
	}
	if r.Acquire.P50 <= 0 || r.Acquire.P99 < r.Acquire.P50 || r.Reset.P50 <= 0 || r.Reset.P99 < r.Reset.P50 || r.LeasesPerSecond <= 0 {
		t.Errorf("%+v %+v, %v leases/s", r.Acquire, r.Reset, r.LeasesPerSecond)
	}
	if r.SlotsVerified != r.Slots || r.VerifiedBytes > uint64(r.Slots)*r.Size || r.VerifiedBytes < uint64(r.Slots)*min(extra, r.Size) || r.BytesCompared <= r.VerifiedBytes {
		t.Errorf("%d slots verified, %d bytes, of %d compared", r.SlotsVerified, r.VerifiedBytes, r.BytesCompared)
	}
	var places, kinds, accesses uint64
	for p := range numPlaces {
		x := r.FaultsByPlace[placeKeys[p]]
		places += x.Caught
		if x.Caught/2+x.NotApplicable != r.Leases {
			t.Errorf("%v: %+v of %d leases", p, x, r.Leases)
		}
	}
	for _, n := range r.FaultsByKind {
		kinds += n
	}
	for _, n := range r.FaultsByAccess {
		accesses += n
	}
	if places != r.Faults || kinds != r.Faults || accesses != r.Faults || r.FaultsByKind["other"] != 0 {
		t.Errorf("%d faults; %d by place, %d by kind, %d by access", r.Faults, places, kinds, accesses)
	}
	if all := r.WithAllSlots; all.Leases != r.Slots || all.VMAs < 2 || all.Resident == 0 || all.PageTables == 0 || all.VMAs > r.VMALimit {
		t.Errorf("with all slots: %+v", all)
	}
	if r.Stripes != 1 || r.OneStripe == "" {
		t.Errorf("%d stripes because %q", r.Stripes, r.OneStripe)
	}
	last := r.text()
	if !strings.HasSuffix(last, "\n\nok\n") {
		t.Errorf("the table ends with %q", last[max(0, len(last)-40):])
	}
}

func TestRunTable(t *testing.T) {
	c := call("run", "-slots", "5", "-rounds", "40", "-workers", "2", "-seed", "99", "-image", rawFile(t))
	if c.status != exitOK || c.stderr != "" {
		t.Fatalf("status %d: %s%s", c.status, c.stdout, c.stderr)
	}
	for _, want := range []string{
		"leases/s", "acquire p50", "acquire p99", "reset p50", "reset p99", "pages dirtied", "bytes compared", "faults caught",
		"resident", "page tables", "VMAs", "1 stripe: ", "-seed 99", "5 of 5 slots", "end of the last page", "(raw)",
	} {
		if !strings.Contains(c.stdout, want) {
			t.Errorf("the table does not have %q:\n%s", want, c.stdout)
		}
	}
	lines := strings.Split(strings.TrimSuffix(c.stdout, "\n"), "\n")
	if lines[len(lines)-1] != "ok" {
		t.Errorf("the last line is %q", lines[len(lines)-1])
	}
	for _, l := range lines {
		if len([]rune(l)) > 150 || strings.TrimRight(l, " ") != l || strings.Contains(l, "%!") {
			t.Errorf("line %q", l)
		}
	}
}

// One worker's choices follow from the seed.
func TestRunSeed(t *testing.T) {
	raw := rawFile(t)
	do := func(seed string) runReport {
		r, _ := runFor(t, runHooks{}, "-slots", "9", "-rounds", strconv.Itoa(testgate.Rounds(80, 10)), "-workers", "1", "-seed", seed, "-image", raw)
		checkReport(t, r)
		return r
	}
	a, b, c := do("5"), do("5"), do("6")
	same := func(x, y runReport) bool {
		return x.BytesCompared == y.BytesCompared && x.PagesDirtied == y.PagesDirtied && x.AcquiredAffine == y.AcquiredAffine
	}
	if !same(a, b) || same(a, c) {
		t.Errorf("bytes compared: %d and %d with one seed, %d with another", a.BytesCompared, b.BytesCompared, c.BytesCompared)
	}
}

// When the limit of mappings or of page tables keeps all slots from being out at
// once, each of them is seen all the same.
func TestRunSeesEverySlot(t *testing.T) {
	raw, rounds := rawFile(t), strconv.Itoa(testgate.Rounds(40, 10))
	t.Run("few mappings", func(t *testing.T) {
		for _, limit := range []int{8, 30, 100}[:testgate.Rounds(3, 1)] {
			few := func(c *highlevel.Config) { c.MaxVMAs = limit }
			// So small that the pool is one mapping on 32 bits too: the rest is for slots.
			r, _ := runFor(t, runHooks{config: few}, "-slots", "60", "-rounds", strconv.Itoa(testgate.Rounds(40, 15)), "-workers", "2", "-image", raw,
				"-max-memory", pages(80), "-reservation", pages(80))
			if !r.OK || r.SlotsVerified != 60 || r.WithAllSlots.Leases >= 60 || r.WithAllSlots.Leases == 0 {
				t.Errorf("limit %d: %s; %d seen, %d at once", limit, r.verdict(), r.SlotsVerified, r.WithAllSlots.Leases)
			}
		}
	})
	t.Run("too few mappings for any", func(t *testing.T) {
		none := func(c *highlevel.Config) { c.MaxVMAs = 3 }
		r, _ := runFor(t, runHooks{config: none, patience: 100 * time.Millisecond}, "-slots", "6", "-rounds", "1000", "-workers", "2", "-image", raw,
			"-max-memory", pages(80), "-reservation", pages(80))
		if r.OK || len(r.First) == 0 || !strings.Contains(r.First[0].What, "waiting for a slot") {
			t.Errorf("%s; %d failures", r.verdict(), r.Failures)
		}
	})
	t.Run("few page tables", func(t *testing.T) {
		o, _, ok := parseRun([]string{"-slots", "60", "-rounds", rounds, "-workers", "2", "-image", raw}, os.Stdout, os.Stderr)
		if !ok {
			t.Fatal("refused")
		}
		j, err := newJob(o, runHooks{}, os.Stderr)
		if err != nil {
			t.Fatal(err)
		}
		j.mapped = 5 * j.options.size
		j.run(context.Background())
		r := j.report(context.Background())
		if !r.OK || r.SlotsVerified != 60 || r.WithAllSlots.Leases != 5 {
			t.Errorf("%s; %d seen, %d at once", r.verdict(), r.SlotsVerified, r.WithAllSlots.Leases)
		}
	})
}

// Files and sizes that can't be used: one line, and status 2.
func TestRunBadFiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	object := make([]byte, 64) // a header without program headers
	copy(object, "\x7fELF\x02\x01\x01")
	copy(object[16:], []byte{byte(elf.ET_REL), 0, byte(elf.EM_X86_64), 0, 1})
	object[52] = 64
	raw := rawFile(t)
	for _, tc := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"missing", []string{"-image", filepath.Join(dir, "missing")}, []string{"missing", "no such file"}},
		{"a directory", []string{"-image", dir}, []string{dir, "directory"}},
		{"through a file", []string{"-image", raw + "/x"}, []string{"not a directory"}},
		{"a device", []string{"-image", os.DevNull}, []string{os.DevNull, "not a regular file"}},
		{"a pipe", []string{"-image", fifo}, []string{"not a regular file"}},
		{"empty", []string{"-image", put("empty", nil)}, []string{"empty"}},
		{"truncated in a segment", []string{"-image", put("cut", self[:len(self)/4])}, []string{"cut", "truncated"}},
		{"truncated in the header", []string{"-image", put("header", self[:30])}, []string{"truncated"}},
		{"nothing to load", []string{"-image", put("object", object)}, []string{"no loadable segment"}},
		{"size below the image", []string{"-image", raw, "-size", pages(1)}, []string{"-size " + pages(1), strconv.Itoa(rawBytes())}},
		{"size above the most", []string{"-image", raw, "-size", "4MiB", "-max-memory", "2MiB"}, []string{"-size 4MiB", "-max-memory 2MiB"}},
		{"most below the image", []string{"-image", raw, "-max-memory", pages(1)}, []string{strconv.Itoa(rawBytes()), "takes at most"}},
		{"most below this program", []string{"-max-memory", "1MiB"}, []string{"span", "at most 1048576"}},
		{"most of nothing", []string{"-image", raw, "-max-memory", "0"}, []string{"at most 0"}},
		{"no bytes at all", []string{"-image", raw, "-max-memory", "0", "-reservation", "0", "-guard", "0"}, []string{"none"}},
		{"a guard without end", []string{"-image", raw, "-guard", "15EiB"}, []string{"no address space"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkOneLine(t, call(append([]string{"run"}, tc.args...)...), exitUsage, tc.words...)
		})
	}
}

func TestRunUnreadableFile(t *testing.T) {
	testgate.NeedUser(t)
	name := rawFile(t)
	if err := os.Chmod(name, 0); err != nil {
		t.Fatal(err)
	}
	checkOneLine(t, call("run", "-image", name), exitUsage, name, fs.ErrPermission.Error())
}

// An interrupt ends the job after the leases that are under way, with their figures.
func TestRunInterrupted(t *testing.T) {
	raw := rawFile(t)
	for _, after := range []int64{0, 1, 50} {
		ctx, cancel := context.WithCancel(context.Background())
		if after == 0 {
			cancel()
		}
		var n atomic.Int64
		hooks := runHooks{leased: func(highlevel.Lease, uint64) {
			if n.Add(1) == after {
				cancel()
			}
		}}
		r, c := runForContext(t, ctx, hooks, "-slots", "9", "-rounds", "1000000", "-workers", "3", "-image", raw)
		cancel()
		if c.status != exitFailed || !r.Interrupted || r.OK || r.Failures != 0 || r.SlotsVerified != 0 {
			t.Errorf("after %d: status %d, %s", after, c.status, r.verdict())
		}
		if r.Leases < uint64(after) || r.Leases == 1000000 || r.Reset.Count != r.Leases {
			t.Errorf("after %d: %d leases, %d resets", after, r.Leases, r.Reset.Count)
		}
		if text := r.text(); !strings.HasSuffix(text, "\n"+r.verdict()+"\n") || !strings.Contains(r.verdict(), "interrupted") {
			t.Errorf("%q", text)
		}
	}
}

func TestRunInterruptedInTheLastLook(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var n atomic.Int64
	hooks := runHooks{looked: func() {
		if n.Add(1) == 5 {
			cancel()
		}
	}}
	r, c := runForContext(t, ctx, hooks, "-slots", "30", "-rounds", "20", "-workers", "2", "-image", rawFile(t))
	if c.status != exitFailed || !r.Interrupted || r.Failures != 0 || r.SlotsVerified < 5 || r.SlotsVerified == 30 {
		t.Errorf("status %d, %d slots seen, %s", c.status, r.SlotsVerified, r.verdict())
	}
}

// An interrupt that comes after everything was verified changes nothing.
func TestRunInterruptedTooLate(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var n atomic.Int64
	hooks := runHooks{looked: func() {
		if n.Add(1) == 30 {
			cancel()
		}
	}}
	r, c := runForContext(t, ctx, hooks, "-slots", "30", "-rounds", "20", "-workers", "1", "-image", rawFile(t))
	if c.status != exitOK || r.Interrupted {
		t.Errorf("status %d: %s", c.status, r.verdict())
	}
}

// What the pool has is missed before it is closed, and not after that.
func TestLeftBehind(t *testing.T) {
	o, _, ok := parseRun([]string{"-slots", "20", "-image", rawFile(t)}, os.Stdout, os.Stderr)
	if !ok {
		t.Fatal("refused")
	}
	j, err := newJob(o, runHooks{}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	j.survey()
	l, err := j.pool.Tenant().Acquire(j.subjects[0].image, j.subjects[0].size)
	if err != nil {
		t.Fatal(err)
	}
	err = j.leftBehind()
	if err == nil || !strings.Contains(err.Error(), "descriptor") || !strings.Contains(err.Error(), "---p") ||
		strings.Count(err.Error(), "/memfd:"+imageName) < 3 {
		t.Errorf("with a lease: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	j.close()
	if j.findings.n.Load() != 0 {
		t.Error(j.findings.first)
	}
}

// An interrupt by a signal, in a process of its own.
func TestRunSignalled(t *testing.T) {
	out, inChild, err := testgate.Child(t, 30*time.Second)
	if inChild {
		// A signal that comes before the command listens ends up here.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGINT)
		go func() {
			for {
				time.Sleep(100 * time.Millisecond)
				if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
					panic(err)
				}
			}
		}()
		if status := realMain([]string{"run", "-json", "-rounds", "100000000", "-slots", "50", "-image", rawFile(t)}, os.Stdout, os.Stderr); status != exitFailed {
			t.Errorf("status %d", status)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var r runReport
	if err := json.NewDecoder(strings.NewReader(out[strings.IndexByte(out, '{'):])).Decode(&r); err != nil || r.OK || !r.Interrupted || r.Failures != 0 {
		t.Errorf("%v: %s", err, out)
	}
}
