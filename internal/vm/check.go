package vm

import (
	"errors"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

const (
	timeScale    = "PAGESLOT_TIME_SCALE"
	defaultLimit = 10 * time.Minute
	// grace is how long a program may take to print its stacks.
	grace = 5 * time.Second
)

func (j Job) dir() string {
	if j.Dir == "" {
		return "/tmp"
	}
	return j.Dir
}

func (j Job) limit() time.Duration {
	if j.Limit == 0 {
		return defaultLimit
	}
	return j.Limit
}

// stretch multiplies, and stays within what a Duration can hold.
func stretch(d time.Duration, by float64) time.Duration {
	if f := float64(d) * by; f < math.MaxInt64/2 {
		return time.Duration(f)
	}
	return math.MaxInt64 / 2
}

// check finds what a caller got wrong, before anything is started.
func check(c Config, jobs []Job) error {
	switch {
	case len(c.QEMU) == 0:
		return errors.New("Config.QEMU names no program")
	case c.Cache == "":
		return errors.New("Config.Cache names no folder")
	case c.Slow != 0 && !(c.Slow >= 1 && c.Slow <= 1000):
		return fmt.Errorf("Config.Slow must be from 1 to 1000, is %v", c.Slow)
	case c.Boot < 0:
		return fmt.Errorf("Config.Boot is negative: %v", c.Boot)
	case strings.ContainsAny(c.Append, "\n\x00"):
		return fmt.Errorf("Config.Append is not one line: %q", c.Append)
	}
	if _, ok := elfPorts[c.Arch]; !ok {
		return fmt.Errorf("Config.Arch is %q, which is no port of Go's", c.Arch)
	}
	if err := CheckKernel(c.Kernel, c.Arch); err != nil {
		return err
	}
	for _, j := range jobs {
		if err := checkJob(c, j); err != nil {
			return fmt.Errorf("job %s: %w", j.Name, err)
		}
	}
	return nil
}

func checkJob(c Config, j Job) error {
	port, err := Port(j.Program)
	if err != nil {
		return err
	}
	if port != c.Arch && !slices.Contains(alsoRuns[c.Arch], port) {
		return fmt.Errorf("%s is built for %s, and the machine is %s", j.Program, port, c.Arch)
	}
	if j.User < 0 || j.User > math.MaxInt32 {
		return fmt.Errorf("user %d cannot be", j.User)
	}
	if j.Limit < 0 {
		return fmt.Errorf("the limit is negative: %v", j.Limit)
	}
	paths := []string{j.dir()}
	for _, f := range slices.Concat(j.Files, j.Back) {
		paths = append(paths, f.Guest)
	}
	for _, p := range paths {
		if err := checkPath(p); err != nil {
			return err
		}
	}
	for _, s := range slices.Concat(j.Args, j.Env, paths) {
		if strings.Contains(s, "\x00") {
			return fmt.Errorf("%q has a zero byte", s)
		}
	}
	return nil
}

// alsoRuns are the programs that a kernel runs beside those of its own port, if
// it is so configured.
var alsoRuns = map[string][]string{
	"amd64": {"386"}, "arm64": {"arm"}, "mips64": {"mips"}, "mips64le": {"mipsle"},
}

// checkPath keeps jobs out of the folders that are the machine's own.
func checkPath(p string) error {
	if !path.IsAbs(p) || path.Clean(p) != p {
		return fmt.Errorf("%q is not an absolute path in its shortest form", p)
	}
	for _, own := range []string{"/proc", "/sys", "/dev", "/etc", "/init", wire.Home} {
		if p == own || strings.HasPrefix(p, own+"/") {
			return fmt.Errorf("%s is within %s, which is the machine's own", p, own)
		}
	}
	return nil
}
