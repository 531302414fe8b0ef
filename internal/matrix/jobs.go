package matrix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/pageslot/pageslot/internal/vm"
	"github.com/pageslot/pageslot/probe"
)

// outputLines is how much of what a failed package printed is shown.
const outputLines = 60

// run is one job of a machine and what came of it.
type run struct {
	pkg   string // "" is the probe
	who   string
	tally *tally
	out   *bytes.Buffer // of the probe
	errs  *bytes.Buffer
	skips string // the file with the log of skips
}

// jobs are the probe and the packages, each as root and as the user. The probe
// comes first: it asks a fresh machine.
func (r *Runner) jobs(m Machine, built Built, temp string) (runs []*run, jobs []vm.Job, err error) {
	if built.Pageslot != "" && r.Want(m.Name, "probe") {
		for _, who := range []string{Root, User} {
			x := &run{who: who, out: new(bytes.Buffer), errs: new(bytes.Buffer)}
			runs = append(runs, x)
			jobs = append(jobs, vm.Job{Name: "the probe as " + who, Program: built.Pageslot, Args: []string{"probe", "-json"}, User: Users[who],
				Limit: r.Limit, Stdout: x.out, Stderr: x.errs})
		}
	}
	for i, p := range built.Packages {
		if _, out := m.Without[p.Path]; out || !r.Want(m.Name, p.Path) {
			continue
		}
		for _, who := range []string{Root, User} {
			x := &run{pkg: p.Path, who: who, tally: new(tally), skips: filepath.Join(temp, fmt.Sprintf("skips-%d-%s", i, who))}
			args := []string{p.Test, verbose, "-test.paniconexit0"}
			if r.Short {
				args = append(args, "-test.short")
			}
			j, err := vm.TestJob(args, p.Dir, []string{"PAGESLOT_SKIP_LOG=" + x.skips, "GOTRACEBACK=all"}, vm.TestOptions{})
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", p.Path, err)
			}
			j.Name, j.User, j.Limit = p.Path+" as "+who, Users[who], r.Limit
			j.Stdout, j.Stderr = x.tally, x.tally
			runs, jobs = append(runs, x), append(jobs, j)
		}
	}
	if len(jobs) == 0 {
		return nil, nil, errors.New("nothing is to run here: no package matches")
	}
	return runs, jobs, nil
}

// one takes down how one job ended.
func (r *Runner) one(report *MachineReport, seen *Seen, x *run, result vm.Result) {
	why := ending(result)
	if x.pkg == "" {
		var p probe.Report
		switch err := json.Unmarshal(x.out.Bytes(), &p); {
		case why != "":
			why = fmt.Sprintf("probe as %s: %s: %s", x.who, why, oneLine(x.errs.String()))
		case err != nil:
			why = fmt.Sprintf("probe as %s: its report makes no sense: %v", x.who, err)
		default:
			seen.Probe[x.who] = p
		}
		if why != "" && report.Error == "" {
			report.Error = why
		}
		return
	}
	t := x.tally
	skips, err := skipLog(x.skips)
	p := PackageReport{Package: x.pkg, User: x.who, Passed: t.passed, Failed: t.failed, Skipped: t.skipped, Skips: skips, Seconds: seconds(result.Took), Error: why}
	switch {
	case why != "":
		p.Output = t.output(outputLines)
	case err != nil:
		p.Error = err.Error()
	case t.failed > 0:
		p.Error, p.Output = "exit status 0, but "+count(t.failed, "test")+" failed", t.output(outputLines)
	case t.passed+t.skipped == 0 && !t.nothing:
		p.Error, p.Output = "exit status 0, but no test said how it ended", t.output(outputLines)
	default:
		seen.Skips[x.who][x.pkg] = skips // those of a package that failed say nothing
	}
	report.Packages = append(report.Packages, p)
}

// ending says why a job did not pass; "" if it did.
func ending(x vm.Result) string {
	switch {
	case x.TimedOut:
		return fmt.Sprintf("it hung: it ran past its limit, for %v", x.Took.Round(time.Second))
	case x.Signal != "":
		return "killed by a signal: " + x.Signal
	case x.Code != 0:
		return fmt.Sprintf("exit status %d", x.Code)
	}
	return ""
}
