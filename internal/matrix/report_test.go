package matrix

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func someReports() []MachineReport {
	return []MachineReport{
		{Machine: "amd64-6.1", Boot: 3.4, Seconds: 61.25, Packages: []PackageReport{
			{Package: "memfd", User: Root, Passed: 40, Skipped: 2, Skips: map[string]int{"long": 1, "pkey": 2}, Seconds: 3.04},
			{Package: "memfd", User: User, Passed: 39, Skipped: 2, Skips: map[string]int{"long": 1, "root": 1}, Seconds: 2.1},
			{Package: "sys", User: Root, Passed: 5, Seconds: 1},
			{Package: "sys", User: User, Passed: 4, Failed: 1, Seconds: 1, Error: "exit status 1", Output: "--- FAIL: TestA\n"},
		}},
		{Machine: "s390x-7.3", Error: "no kernel"},
		{Machine: "arm64-6.12-16k", Boot: 1, Seconds: 2, KVM: true, Fallback: true, Package: "linux 6.12", Differences: []string{"probe as root: a is yes, expected no"}},
		{Machine: "riscv64-7.2", Boot: 1, Seconds: 2, Updated: []string{"a new expectation"}},
	}
}

func TestTable(t *testing.T) {
	const want = `machine         package  passed      skipped  seconds  skips by name
amd64-6.1       memfd    40+39       2+2      5.1      long 1; root: pkey 2; user: root 1
amd64-6.1       sys      5+4 FAILED  0+0      2.0
s390x-7.3       -        FAILED
arm64-6.12-16k  -        FAILED
riscv64-7.2     -        ok
`
	if diff := cmp.Diff(want, Table(someReports())); diff != "" {
		t.Error(diff)
	}
}

func TestLines(t *testing.T) {
	want := []string{
		"amd64-6.1               FAILED  61.2s (emulated, started in 3.4s), 88 tests passed, 4 skipped, 1 package FAILED",
		"s390x-7.3               FAILED  no kernel",
		"arm64-6.12-16k          FAILED  2.0s (KVM, started in 1.0s), 1 difference from what is expected, FALLBACK to linux 6.12",
		"riscv64-7.2             ok      2.0s (emulated, started in 1.0s), 1 expectation updated",
	}
	for i, m := range someReports() {
		if got := m.Line(); got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
}

func TestDetails(t *testing.T) {
	want := []string{
		"amd64-6.1: sys as user: exit status 1\n    --- FAIL: TestA\n",
		"",
		"arm64-6.12-16k: probe as root: a is yes, expected no\n",
		"riscv64-7.2: updated: a new expectation\n",
	}
	for i, m := range someReports() {
		if got := m.Details(); got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
}

// What -json writes says all that the lines say.
func TestReportJSON(t *testing.T) {
	in := Report{Module: Module, Seconds: 3, Machines: someReports()}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Report
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	for i := range in.Machines {
		if in.Machines[i].Line() != out.Machines[i].Line() || in.Machines[i].Details() != out.Machines[i].Details() {
			t.Errorf("%+v became %+v", in.Machines[i], out.Machines[i])
		}
	}
	if Table(in.Machines) != Table(out.Machines) {
		t.Error("the table is another one")
	}
}
