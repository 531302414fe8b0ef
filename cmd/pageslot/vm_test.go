package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/internal/debian"
	"github.com/pageslot/pageslot/internal/matrix"
	"github.com/pageslot/pageslot/probe"
)

func TestVMCommands(t *testing.T) {
	help := call("vm", "-h")
	if again := call("vm", "help"); help.status != exitOK || again != help || help.stderr != "" {
		t.Errorf("%+v, %+v", help, again)
	}
	for _, c := range vmCommands {
		if !strings.Contains(help.stdout, "  "+c.name+" ") {
			t.Errorf("help does not list %s", c.name)
		}
		if got := call("vm", c.name, "-h"); got.status != exitOK || got.stderr != "" || !strings.HasPrefix(got.stdout, "usage: pageslot vm "+c.name+" ") {
			t.Errorf("%s -h: %+v", c.name, got)
		}
		checkOneLine(t, call("vm", c.name, "-no-such-flag"), exitUsage, "pageslot vm "+c.name, "no-such-flag")
	}
	if got := call("vm"); got.status != exitUsage || got.stdout != "" || got.stderr != help.stdout {
		t.Errorf("%+v", got)
	}
	checkOneLine(t, call("vm", "run"), exitUsage, `"run"`, "pageslot vm help")
	for _, name := range []string{"list", "fetch", "probe"} {
		checkOneLine(t, call("vm", name, "extra"), exitUsage, `"extra"`)
	}
}

func TestVMBadUsage(t *testing.T) {
	for _, test := range []struct {
		line  string
		words []string
	}{
		{"fetch -subset nightly", []string{`no subset "nightly"`, "ci"}},
		{"fetch -run vax", []string{"no machine matches"}},
		{"fetch -run (", []string{"-run", "missing closing )"}},
		{"fetch -keyring /k", []string{"-keyring goes with -mirror"}},
		{"matrix -lanes 0", []string{"-lanes 0"}},
		{"matrix -timeout 0s", []string{"-timeout 0s"}},
		{"matrix -run amd64/(", []string{"-run", "missing closing )"}},
		{"matrix -subset nightly", []string{`no subset "nightly"`}},
		{"matrix ./... -update", []string{`"-update"`, "before packages"}},
		{"probe -lanes -1", []string{"-lanes -1"}},
	} {
		checkOneLine(t, call(append([]string{"vm"}, strings.Fields(test.line)...)...), exitUsage, append(test.words, "pageslot vm ")...)
	}
}

func TestVMList(t *testing.T) {
	kernel := func(id, release, arch string, page int) matrix.Kernel {
		return matrix.Kernel{ID: id, Release: release, Arch: arch, Page: page, Package: debian.Package{Name: "linux-image-" + id, Version: release + ".1-1"}}
	}
	m := &matrix.Matrix{
		Kernels: []matrix.Kernel{kernel("k-1", "6.1", "amd64", 4096), kernel("k-2", "7.3", "arm64", 16384)},
		Machines: []matrix.Machine{
			{Name: "one-6.1", Port: "amd64", Kernel: "k-1", Subsets: []string{"ci"}},
			{Name: "two-7.3", Port: "arm", Kernel: "k-2", Note: "a 32-bit program on the 64-bit kernel"},
		},
		Absent: []matrix.Absent{{What: "what nobody has", Why: strings.Repeat("because of something long, ", 5) + "and short"}},
	}
	r, err := list(m, func(x matrix.Machine) string { return strings.TrimPrefix(x.Name, "two-7.3") }, func(matrix.Machine) string { return "installed 7.2.22" })
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "vm-list.txt", r.text())
}

func TestVMListKeys(t *testing.T) {
	m, err := matrix.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range m.Machines {
		keys, err := expectedKeys(x)
		if err != nil || x.Name == "amd64-6.1" && keys != "15 keys" || x.Name == "s390x-7.3" && keys != "no" {
			t.Errorf("%s has %q, %v", x.Name, keys, err)
		}
	}
}

// The list needs neither the network nor QEMU.
func TestVMListHere(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("PAGESLOT_CACHE", t.TempDir())
	got := call("vm", "list", "-json")
	var r listReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.status != exitOK || got.stderr != "" {
		t.Fatalf("%v, %+v", err, got)
	}
	if len(r.Machines) < 30 || len(r.Absent) == 0 || r.Machines[0].Cached || r.Machines[0].QEMU != "to unpack or install" {
		t.Errorf("%+v", r.Machines[0])
	}
}

func TestFetchedLine(t *testing.T) {
	x := matrix.Resolved{Machine: matrix.Machine{Name: "amd64-6.1"}, QEMU: matrix.Emulator{Version: "11.1.3", Unpacked: true},
		Kernel: debian.Fetched{Fallback: true, Package: debian.Package{Name: "linux", Version: "6.1"}}}
	if got := fetchedLine(x); got != "amd64-6.1               linux 6.1 (FALLBACK), QEMU 11.1.3 (unpacked)" {
		t.Errorf("%q", got)
	}
}

// A host without anything says of each machine what it lacks.
func TestVMFetchNothing(t *testing.T) {
	t.Setenv("PATH", "")
	t.Setenv("PAGESLOT_CACHE", t.TempDir())
	got := call("vm", "fetch", "-mirror", "file:///no/such/mirror", "-run", "^(amd64-6.1|s390x-7.3)$")
	if got.status != exitFailed || !strings.Contains(got.stderr, "2 of 2 machines lack something") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("%+v", got)
	}
	for _, words := range []string{"amd64-6.1: FAILED: ", "apt-get install qemu-system-x86;", "s390x-7.3: FAILED: "} {
		if !strings.Contains(got.stdout, words) {
			t.Errorf("%q is missing in %s", words, got.stdout)
		}
	}
}

func TestArchiveFlags(t *testing.T) {
	for _, test := range []struct {
		flags       archiveFlags
		mirror, key string
		bad         bool
	}{
		{archiveFlags{mirror: "file:///m", keyring: "/k"}, "file:///m", "/k", false},
		{archiveFlags{mirror: "file:///m"}, "file:///m", debian.HostKeyring("file:///m").Keyring, false},
		{archiveFlags{keyring: "/k"}, "", "", true},
	} {
		if err := test.flags.check(); (err != nil) != test.bad {
			t.Errorf("%+v: %v", test.flags, err)
		} else if err != nil {
			continue
		}
		a, err := test.flags.archive(t.Context())()
		if err != nil || a.Mirror != test.mirror || a.Keyring != test.key {
			t.Errorf("%+v: %+v, %v", test.flags, a, err)
		}
	}
}

func TestMachineProbe(t *testing.T) {
	answer := func(name probe.Question, v probe.Verdict) probe.Answer {
		return probe.Answer{Name: name, Asks: "asks " + string(name), Verdict: v}
	}
	m := matrix.MachineReport{Machine: "m", Probe: map[string]probe.Report{
		matrix.Root: {OS: "linux", Arch: "s390x", Complete: true, Answers: []probe.Answer{answer("a", probe.Yes), answer("b", probe.Yes)}},
		matrix.User: {OS: "linux", Arch: "s390x", Complete: true, Answers: []probe.Answer{answer("a", probe.Yes), answer("b", probe.No)}},
	}}
	root, user, ok := strings.Cut(machineProbe(m), "as an ordinary user")
	if !ok || strings.Count(root, "asks ") != 2 || strings.Count(user, "asks ") != 1 || !strings.Contains(user, "asks b") || strings.Contains(user, "RLIMIT_AS") {
		t.Errorf("%s", machineProbe(m))
	}
	if got := machineProbe(matrix.MachineReport{}); got != "" {
		t.Errorf("%q", got)
	}
}

func TestMachineFlags(t *testing.T) {
	m, err := matrix.Default()
	if err != nil {
		t.Fatal(err)
	}
	for run, want := range map[string]struct {
		machines int
		pkg      string
	}{
		"": {len(m.Machines), ""}, "^amd64-6.1$": {1, ""}, "^amd64-6.1$/memfd": {1, "memfd"}, "/internal/vm$": {len(m.Machines), "internal/vm$"}, "^amd64-6.1$/": {1, ""},
	} {
		got, pkg, err := (&machineFlags{run: run}).choose(m)
		if err != nil || len(got) != want.machines || (pkg == nil) != (want.pkg == "") || pkg != nil && pkg.String() != want.pkg {
			t.Errorf("%q: %d machines, %v, %v", run, len(got), pkg, err)
		}
	}
}

// A report that cannot be written is found out before any machine runs.
func TestCanWrite(t *testing.T) {
	none := t.TempDir() + "/none/report.json"
	for _, command := range []string{"matrix", "probe"} {
		checkOneLine(t, call("vm", command, "-json", none), exitUsage, "-json", none)
	}
	file := t.TempDir() + "/report.json"
	if err := canWrite(file); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file is left: %v", err)
	}
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := canWrite(file); err != nil {
		t.Error(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "old" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestWriteReport(t *testing.T) {
	name := t.TempDir() + "/none/report.json"
	if err := writeReport(name, matrix.Report{}); err == nil || !strings.Contains(err.Error(), name) {
		t.Error(err)
	}
}
