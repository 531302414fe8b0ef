package vm

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TestOptions are what the caller of TestJob adds.
type TestOptions struct {
	Env   []string // names of further variables that pass into the guest
	Files []string // further files and folders, absolute or beside dir; they have the same path in the guest
}

// backFolder is where programs put what comes back.
const backFolder = "/back"

// largestBeside is the largest file beside the test that the guest gets unasked.
const largestBeside = 4 << 20

// noTimeout is the limit of a test that has none.
const noTimeout = 24 * time.Hour

// beyondTimeout is how much longer than its own limit a test may run: it says
// more about itself than package vm can.
const beyondTimeout = 30 * time.Second

// TestJob makes a job of what go test -exec gives: args is the test binary and
// its flags, dir the package's folder, env the environment. The guest gets the
// folder's files, its testdata and what o adds, under the same paths. Profiles,
// coverage and the log of skips come back to where the flags and the environment
// say. Other programs than test binaries may be run this way too.
func TestJob(args []string, dir string, env []string, o TestOptions) (Job, error) {
	if len(args) == 0 {
		return Job{}, errors.New("no program is given")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Job{}, err
	}
	j := Job{Name: strings.TrimSuffix(filepath.Base(args[0]), ".test"), Dir: guestPath(dir)}
	if j.Program, err = filepath.Abs(args[0]); err != nil {
		return Job{}, err
	}
	if err := j.flags(args[1:], dir); err != nil {
		return Job{}, err
	}
	j.environment(env, dir, o.Env)
	return j, j.files(dir, o.Files)
}

func guestPath(host string) string { return filepath.ToSlash(host) }

// comeBack lets f.Host come back, and returns what it is called in the guest.
func (j *Job) comeBack(f File) string {
	f.Guest = path.Join(backFolder, strconv.Itoa(len(j.Back)), filepath.Base(f.Host))
	j.Back = append(j.Back, f)
	return f.Guest
}

// profiles are the flags that name a file beneath -test.outputdir.
var profiles = []string{"blockprofile", "coverprofile", "cpuprofile", "memprofile", "mutexprofile", "trace"}

// valued are further flags of test binaries that matter here and have a value,
// which may be an argument of its own.
var valued = []string{"outputdir", "gocoverdir", "testlogfile", "fuzz", "fuzzcachedir", "timeout"}

// testFlag is the name and the value of a flag of a test binary, "" if it is
// none; rest is what follows it.
func testFlag(args []string) (name, value string, hasValue bool, rest []string) {
	name, ok := strings.CutPrefix(args[0], "-test.")
	if !ok {
		name, ok = strings.CutPrefix(args[0], "--test.")
	}
	rest = args[1:]
	if !ok {
		return "", "", false, rest
	}
	name, value, hasValue = strings.Cut(name, "=")
	if !hasValue && len(rest) > 0 && (slices.Contains(profiles, name) || slices.Contains(valued, name)) {
		value, hasValue, rest = rest[0], true, rest[1:]
	}
	return name, value, hasValue, rest
}

// flags takes the test binary's flags over, with files of the guest for those of
// the host.
func (j *Job) flags(args []string, dir string) error {
	output := dir
	for rest := args; len(rest) > 0 && rest[0] != "--"; {
		var name, value string
		if name, value, _, rest = testFlag(rest); name == "outputdir" && value != "" {
			output = beneath(dir, value)
		}
	}
	artifacts := false
	for len(args) > 0 && args[0] != "--" {
		name, value, hasValue, rest := testFlag(args)
		own := args[:len(args)-len(rest)]
		args = rest
		switch {
		case slices.Contains(profiles, name) && value != "":
			own = []string{"-test." + name + "=" + j.comeBack(File{Host: beneath(output, value)})}
		case name == "gocoverdir" && value != "":
			own = []string{"-test." + name + "=" + j.comeBack(File{Host: beneath(dir, value), Folder: true})}
		case name == "outputdir", name == "testlogfile", name == "fuzzcachedir":
			own = nil // the first is added below; the others are for caches of the host's
		case name == "fuzz" && value != "":
			return errors.New("-test.fuzz does not run in a machine: its findings and its cache are the host's")
		case name == "artifacts":
			on, err := strconv.ParseBool(value)
			artifacts = !hasValue || err == nil && on
		case name == "timeout":
			d, err := time.ParseDuration(value)
			if err != nil || d < 0 {
				return fmt.Errorf("-test.timeout=%s is not a duration", value)
			}
			j.Limit = d
		}
		j.Args = append(j.Args, own...)
	}
	if j.Limit += beyondTimeout; j.Limit == beyondTimeout {
		j.Limit = noTimeout
	}
	if artifacts {
		folder := j.comeBack(File{Host: filepath.Join(output, "_artifacts")})
		j.Args = append(j.Args, "-test.outputdir="+path.Dir(folder))
	}
	j.Args = append(j.Args, args...)
	return nil
}

// beneath is file as seen from dir.
func beneath(dir, file string) string {
	if filepath.IsAbs(file) {
		return filepath.Clean(file)
	}
	return filepath.Join(dir, file)
}
