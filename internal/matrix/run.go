package matrix

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/pageslot/pageslot/internal/vm"
	"github.com/pageslot/pageslot/probe"
)

// goGrace is how long the go command has to end once it is interrupted.
const goGrace = 10 * time.Second

// DefaultLimit is how long the tests of one package may take at the host's speed.
const DefaultLimit = 2 * time.Minute

// Runner runs packages on machines. Its functions are fields so that tests can
// show what a machine that fails does to a report.
type Runner struct {
	Matrix  *Matrix
	Resolve func(ctx context.Context, m Machine) (Resolved, error)
	Build   func(ctx context.Context, port string) (Built, error)
	Run     func(ctx context.Context, c vm.Config, jobs []vm.Job, log func(string)) ([]vm.Result, error)

	// Expect is the folder testdata with the expectations; nil holds nothing
	// against anything, as for the tests of another module.
	Expect fs.FS
	// Update, if it is not nil, stores new expectations instead of reporting
	// differences.
	Update func(machine string, e Expect) error

	Short bool          // -test.short
	Limit time.Duration // for each package, at the host's speed
	Lanes int           // machines beside each other
	Free  int           // MiB of memory for them, 0 if that is unknown
	Temp  string        // for files that come back
	All   bool          // all packages of the module are meant
	Want  func(machine, pkg string) bool
	Done  func(MachineReport) // when a machine has ended; not at the same time
	Log   func(string)
}

// Machines runs everything and reports in the order of machines. The error is
// what ended ctx; what is wrong with a machine is in its report.
func (r *Runner) Machines(ctx context.Context, machines []Machine) ([]MachineReport, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop() // ends the builder
	out := make([]MachineReport, len(machines))
	build, wait := r.builder(ctx, machines)
	defer wait()
	var mu sync.Mutex
	lanes(ctx, r.Lanes, r.Free, machines, func(i int) {
		report := r.machine(ctx, machines[i], build[machines[i].Port])
		if ctx.Err() != nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		out[i] = report
		r.Done(report)
	})
	if ctx.Err() != nil {
		stop()
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// builder compiles the ports one after the other, in the order in which machines
// will want them. Each function waits for its port.
func (r *Runner) builder(ctx context.Context, machines []Machine) (ports map[string]func() (Built, error), wait func()) {
	type result struct {
		built Built
		err   error
		done  chan struct{}
	}
	results := map[string]*result{}
	ports = map[string]func() (Built, error){}
	var order []string
	for _, i := range schedule(machines) {
		port := machines[i].Port
		if results[port] != nil {
			continue
		}
		x := &result{done: make(chan struct{})}
		results[port] = x
		order = append(order, port)
		ports[port] = func() (Built, error) { <-x.done; return x.built, x.err }
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for _, port := range order {
			x := results[port]
			x.built, x.err = r.Build(ctx, port)
			close(x.done)
		}
	}()
	return ports, func() { <-ended }
}

func (r *Runner) machine(ctx context.Context, m Machine, build func() (Built, error)) MachineReport {
	k := r.Matrix.KernelOf(m)
	report := MachineReport{Machine: m.Name, Port: m.Port, Release: k.Release, Page: k.Page}
	failed := func(err error) MachineReport { report.Error = err.Error(); return report }
	resolved, err := r.Resolve(ctx, m)
	if err != nil {
		return failed(err)
	}
	if resolved.Kernel.Package.Name != "" {
		report.Package = resolved.Kernel.Package.String()
	}
	report.Fallback, report.QEMU, report.Unpacked = resolved.Kernel.Fallback, resolved.QEMU.Version, resolved.QEMU.Unpacked
	built, err := build()
	if err != nil {
		return failed(err)
	}
	temp, err := os.MkdirTemp(r.Temp, m.Name+"-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(temp)
	runs, jobs, err := r.jobs(m, built, temp)
	if err != nil {
		return failed(err)
	}

	config := resolved.Config
	config.Booted = func(i vm.Info) { report.KVM, report.Says, report.Boot = i.KVM, i.Kernel, seconds(i.Boot) }
	begin := time.Now()
	results, err := r.Run(ctx, config, jobs, func(line string) { r.Log(m.Name + ": " + line) })
	report.Seconds = seconds(time.Since(begin))
	if err != nil {
		report.Error = err.Error()
		if machine, ok := errors.AsType[*vm.Error](err); ok {
			report.Error, report.Console = "machine failed: "+machine.Why, machine.Console
		}
	} else if len(results) != len(jobs) {
		report.Error = fmt.Sprintf("machine failed: %d results of %d jobs", len(results), len(jobs))
	}
	seen := Seen{Probe: map[string]probe.Report{}, Skips: map[string]map[string]map[string]int{Root: {}, User: {}}, All: r.All, Short: r.Short}
	for i, result := range results[:min(len(results), len(runs))] {
		r.one(&report, &seen, runs[i], result)
	}
	// The job at which the machine failed is the one to look at.
	if at := len(results); report.Error != "" && at < len(runs) {
		report.Error += ", in " + jobs[at].Name
		if t := runs[at].tally; t != nil {
			if text := t.output(outputLines); text != "" {
				report.Console += "What the job had printed:\n" + text
			}
		}
	}
	report.Probe = seen.Probe
	r.expectations(&report, seen)
	return report
}

// expectations holds what was seen against what is committed, or replaces it.
func (r *Runner) expectations(report *MachineReport, seen Seen) {
	if r.Expect == nil {
		return
	}
	seen.All = seen.All && report.Error == "" && !slices.ContainsFunc(report.Packages, func(p PackageReport) bool { return p.Error != "" })
	want, err := ReadExpect(r.Expect, report.Machine)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		report.Differences = append(report.Differences, err.Error())
		return
	}
	differences := want.Compare(report.Page, seen)
	if r.Update == nil {
		if missing {
			differences = []string{"nothing is committed for this machine; \"pageslot vm matrix -update\" writes " + expectFile(report.Machine)}
		}
		report.Differences = differences
		return
	}
	// A machine that failed has shown nothing.
	if report.Error != "" || len(differences) == 0 && !missing {
		report.Differences = differences
		return
	}
	next := want.Merge(seen)
	report.Differences = next.Compare(report.Page, seen) // what no expectation allows
	for _, d := range differences {
		if !slices.Contains(report.Differences, d) {
			report.Updated = append(report.Updated, d)
		}
	}
	if missing {
		report.Updated = []string{"a new expectation"}
	}
	if err := r.Update(report.Machine, next); err != nil {
		report.Differences = append(report.Differences, err.Error())
	}
}
