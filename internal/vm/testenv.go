package vm

import (
	"slices"
	"strings"
)

// passing are the variables that change how a Go program runs, on any machine.
var passing = []string{"GODEBUG", "GOGC", "GOMAXPROCS", "GOMEMLIMIT", "GORACE", "GOTRACEBACK"}

const ourPrefix = "PAGESLOT_"

// staying are ours that name files of the host.
var staying = []string{"PAGESLOT_CACHE", "PAGESLOT_HEADERS", "PAGESLOT_TEST_KERNEL"}

const (
	skipLog  = "PAGESLOT_SKIP_LOG"
	coverDir = "GOCOVERDIR"
)

// environment passes on what a test in a machine should know. A variable that
// names a file to write names one of the guest's instead, which comes back.
func (j *Job) environment(env []string, dir string, also []string) {
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case slices.Contains(also, name):
			j.Env = append(j.Env, e)
		case name == skipLog && value != "":
			j.Env = append(j.Env, name+"="+j.comeBack(File{Host: beneath(dir, value), Append: true}))
		case name == coverDir && value != "":
			j.Env = append(j.Env, name+"="+j.comeBack(File{Host: beneath(dir, value), Folder: true}))
		case slices.Contains(passing, name), strings.HasPrefix(name, ourPrefix) && !slices.Contains(staying, name):
			j.Env = append(j.Env, e)
		}
	}
}
