package matrix

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// the is the matrix that is committed.
func the(t *testing.T) *Matrix {
	t.Helper()
	m, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCommittedData(t *testing.T) {
	m := the(t)
	if got, want := m.ports(), []string{"amd64", "386", "arm64", "arm", "riscv64", "s390x", "ppc64le", "mips64le", "loong64"}; !slices.Equal(got, want) {
		t.Errorf("machines of %q, want %q", got, want)
	}
	if got, want := m.releases(func(Machine) bool { return true }), []string{"5.10", "6.1", "6.12", "7.2", "7.3"}; !slices.Equal(got, want) {
		t.Errorf("kernels %q, want %q", got, want)
	}
	pages := map[int]bool{}
	for _, x := range m.Machines {
		pages[m.KernelOf(x).Page] = true
	}
	if len(pages) != 3 {
		t.Errorf("pages of %v, want three sizes", pages)
	}
	ci, err := m.Select("ci", nil)
	if err != nil || len(ci) < 10 || len(ci) > 14 {
		t.Errorf("%d machines in ci, %v", len(ci), err)
	}
	for _, port := range []string{"amd64", "386", "arm64", "arm", "riscv64", "s390x", "ppc64le", "loong64"} {
		if !slices.ContainsFunc(ci, func(x Machine) bool { return x.Port == port }) {
			t.Errorf("no machine of %s in ci", port)
		}
	}
}

// Every field that the data could have wrong is looked at.
func TestValidate(t *testing.T) {
	if err := the(t).Validate(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		change func(*Matrix)
		want   string
	}{
		"kernel twice":     {func(m *Matrix) { m.Kernels = append(m.Kernels, m.Kernels[0]) }, "listed twice"},
		"kernel's ID":      {func(m *Matrix) { m.Kernels[0].ID = "Linux" }, "arch-release"},
		"release":          {func(m *Matrix) { m.Kernels[0].Release = "6" }, "two numbers"},
		"kernel's port":    {func(m *Matrix) { m.Kernels[0].Arch = "vax" }, `no port "vax"`},
		"page":             {func(m *Matrix) { m.Kernels[0].Page = 5000 }, "5000 is no size"},
		"no page":          {func(m *Matrix) { m.Kernels[0].Page = 0 }, "0 is no size"},
		"member":           {func(m *Matrix) { m.Kernels[0].Member = "" }, "is missing"},
		"size":             {func(m *Matrix) { m.Kernels[0].Package.Size = 0 }, "is missing"},
		"hash":             {func(m *Matrix) { m.Kernels[0].Package.SHA256 = "abc" }, "no SHA-256"},
		"pattern":          {func(m *Matrix) { m.Kernels[0].Package.Pattern = "(" }, "does not match"},
		"other pattern":    {func(m *Matrix) { m.Kernels[0].Package.Pattern = "linux" }, "does not match"},
		"program twice":    {func(m *Matrix) { m.Programs = append(m.Programs, m.Programs[0]) }, "listed twice"},
		"machine twice":    {func(m *Matrix) { m.Machines = append(m.Machines, m.Machines[0]) }, "listed twice"},
		"machine's kernel": {func(m *Matrix) { m.Machines[0].Kernel = "none" }, `no kernel "none"`},
		"machine's port":   {func(m *Matrix) { m.Machines[0].Port = "vax" }, `no port "vax"`},
		"wrong port":       {func(m *Matrix) { m.Machines[0].Port = "arm" }, "runs no programs of arm"},
		"machine's name":   {func(m *Matrix) { m.Machines[0].Name = "amd64-9.9" }, "does not begin with"},
		"similar name":     {func(m *Matrix) { m.Machines[0].Name += "1" }, "does not begin with"},
		"program":          {func(m *Matrix) { m.Machines[0].QEMU.Program = "bochs" }, `"bochs" is not listed`},
		"oldest":           {func(m *Matrix) { m.Machines[0].QEMU.Oldest = "new" }, "oldest QEMU"},
		"memory":           {func(m *Matrix) { m.Machines[0].QEMU.Args = "-m lots" }, "-m"},
		"console":          {func(m *Matrix) { m.Machines[0].Append = "quiet" }, "console"},
		"slow":             {func(m *Matrix) { m.Machines[0].Slow = 0 }, "slow is 0"},
		"initrd":           {func(m *Matrix) { m.Machines[0].Initrd = -1 }, "initrd is -1"},
		"subset":           {func(m *Matrix) { m.Machines[0].Subsets = []string{"none"} }, `no subset "none"`},
		"unused":           {func(m *Matrix) { k := m.Kernels[0]; k.ID += "0"; m.Kernels = append(m.Kernels, k) }, "no machine starts it"},
		"absent":           {func(m *Matrix) { m.Absent[0].Why = "" }, "not why"},
		"no machines":      {func(m *Matrix) { m.Machines = nil }, "no machines"},
	} {
		t.Run(name, func(t *testing.T) {
			m := clone(t, the(t))
			test.change(m)
			if err := m.Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

func clone(t *testing.T, m *Matrix) *Matrix {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	out := new(Matrix)
	if err := json.Unmarshal(text, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestLoadRefuses(t *testing.T) {
	for want, files := range map[string]fstest.MapFS{
		"kernels.json":                {},
		`unknown field "machine_"`:    {"kernels.json": {Data: []byte("[]")}, "machines.json": {Data: []byte(`{"machine_": []}`)}},
		"something after":             {"kernels.json": {Data: []byte("[] []")}},
		"there are no machines":       {"kernels.json": {Data: []byte("[]")}, "machines.json": {Data: []byte(`{}`)}},
		"kernels.json: unexpected EO": {"kernels.json": {Data: []byte("[")}},
	} {
		if _, err := Load(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestMemory(t *testing.T) {
	m := Machine{QEMU: QEMU{Args: "-machine q35 -m 2048 -smp 2"}}
	if m.Memory() != 2048 || m.WithMemory(512).Memory() != 512 || m.Memory() != 2048 {
		t.Errorf("%d, %d", m.Memory(), m.WithMemory(512).Memory())
	}
	for _, args := range []string{"", "-m", "-m -5", "-m 2G"} {
		if n := (Machine{QEMU: QEMU{Args: args}}).Memory(); n != 0 {
			t.Errorf("%q: %d", args, n)
		}
	}
}
