package matrix

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"sync"

	"github.com/pageslot/pageslot/internal/debian"
)

// Matrix is the data: what machines there are and what they start.
type Matrix struct {
	Kernels  []Kernel
	Programs []Program
	Machines []Machine
	Absent   []Absent
}

// Kernel is a kernel image in a package.
type Kernel struct {
	ID      string         `json:"id"`
	Release string         `json:"release"` // "6.12"
	Arch    string         `json:"arch"`    // its port, as GOARCH
	Page    int            `json:"page"`    // bytes of a page
	Member  string         `json:"member"`  // where the image is in the package: a pattern
	Package debian.Package `json:"package"`
}

// Program is a QEMU and the package that has it. Before is the package in
// releases of Debian older than the one that gave it a package of its own.
type Program struct {
	Program string `json:"program"`
	Package string `json:"package"`
	Before  string `json:"before,omitempty"`
}

// Machine is a kernel, a QEMU and what the two need to find each other.
type Machine struct {
	Name    string            `json:"name"`
	Port    string            `json:"port"`   // of the programs that it runs, as GOARCH
	Kernel  string            `json:"kernel"` // the ID of its kernel
	QEMU    QEMU              `json:"qemu"`
	Append  string            `json:"append"`
	Slow    float64           `json:"slow"` // how many times slower than the host under emulation
	Sysctl  map[string]string `json:"sysctl,omitempty"`
	Initrd  int64             `json:"initrd,omitempty"` // the largest that it can load, in bytes; 0 is no limit
	Subsets []string          `json:"subsets,omitempty"`
	// KVM says that the machine may run under KVM, where the host's processor has
	// protection keys if Keys says so, and has none if not.
	KVM  bool   `json:"kvm,omitempty"`
	Keys bool   `json:"keys,omitempty"`
	Note string `json:"note,omitempty"`
	// Without are packages that are not run here, and why.
	Without map[string]string `json:"without,omitempty"`
}

// Left says of each package that is not run on the machine that it is not, and why.
func (x Machine) Left() []string {
	var left []string
	for _, p := range slices.Sorted(maps.Keys(x.Without)) {
		left = append(left, fmt.Sprintf("%s is not run: %s", p, x.Without[p]))
	}
	return left
}

// QEMU is how a machine is emulated.
type QEMU struct {
	Program string `json:"program"`
	Oldest  string `json:"oldest"` // the oldest version that can
	// Wanted is a version that does it better. It is taken where it can be had;
	// where not, one from Oldest on has to do. Empty is Oldest.
	Wanted string `json:"wanted,omitempty"`
	Args   string `json:"args"` // separated by blanks
}

// enough is the version from which on nothing else is looked for.
func (q QEMU) enough() string {
	if q.Wanted != "" {
		return q.Wanted
	}
	return q.Oldest
}

// Absent is what one might look for in the matrix, and why it is not there.
type Absent struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

//go:embed testdata
var embedded embed.FS

// Embedded is the folder testdata as it was when the program was built.
func Embedded() fs.FS {
	sub, err := fs.Sub(embedded, "testdata")
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// Default is the matrix that the program was built with.
var Default = sync.OnceValues(func() (*Matrix, error) { return Load(Embedded()) })

// Load reads kernels.json and machines.json and checks what they say.
func Load(dir fs.FS) (*Matrix, error) {
	m := new(Matrix)
	if err := readJSON(dir, "kernels.json", &m.Kernels); err != nil {
		return nil, err
	}
	rest := struct {
		Programs *[]Program `json:"programs"`
		Machines *[]Machine `json:"machines"`
		Absent   *[]Absent  `json:"absent"`
	}{&m.Programs, &m.Machines, &m.Absent}
	if err := readJSON(dir, "machines.json", &rest); err != nil {
		return nil, err
	}
	return m, m.Validate()
}

// readJSON reads one JSON value that has no field that v lacks.
func readJSON(dir fs.FS, name string, v any) error {
	text, err := fs.ReadFile(dir, name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path.Base(name), err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: there is something after the JSON value", path.Base(name))
	}
	return nil
}

// kernel is the kernel with that ID.
func (m *Matrix) kernel(id string) (Kernel, bool) {
	for _, k := range m.Kernels {
		if k.ID == id {
			return k, true
		}
	}
	return Kernel{}, false
}

// KernelOf is the kernel of a machine of the matrix.
func (m *Matrix) KernelOf(machine Machine) Kernel {
	k, _ := m.kernel(machine.Kernel)
	return k
}

// program is what is known of a QEMU.
func (m *Matrix) program(name string) (Program, bool) {
	for _, p := range m.Programs {
		if p.Program == name {
			return p, true
		}
	}
	return Program{}, false
}
