package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// measure runs the comparisons one after the other. One that fails is a row of its
// own, and the others go on.
func measure(s settings, chosen []comparison, progress io.Writer) (*report, error) {
	dir, err := os.MkdirTemp("", "pageslot-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := build(dir); err != nil {
		return nil, err
	}
	cpu, err := pick(s.cpu)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	m := &machine{programs: dir, self: self, cpu: cpu, procs: s.procs, rounds: s.effort.rounds}
	header, err := m.header()
	if err != nil {
		return nil, err
	}
	r := &report{Header: header}
	for _, c := range chosen {
		fmt.Fprintf(progress, "%s\n", c.name)
		rows, err := m.compare(c)
		if err != nil {
			rows = []row{{Name: c.name, Missing: err.Error(), Failed: !errors.Is(err, errors.ErrUnsupported)}}
		}
		r.Rows = append(r.Rows, rows...)
	}
	return r, nil
}

// machine is where and how everything runs.
type machine struct {
	programs string // the folder of the C programs
	self     string // this program, which is the Go side too
	cpu      int
	procs    int
	rounds   int
}

// compare runs the rounds of one comparison: C is compared with each variant.
func (m *machine) compare(c comparison) ([]row, error) {
	sides := 1 + len(c.variants)
	// took[side][value] has a figure for each round.
	took := make([][][]float64, sides)
	for i := range took {
		took[i] = make([][]float64, len(c.values))
	}
	allocs, missing := make([]float64, sides), make([]error, sides)
	for round := range m.rounds {
		if err := m.round(c, round, took, allocs, missing); err != nil {
			return nil, err
		}
	}
	var rows []row
	for i, variant := range c.variants {
		name := c.name
		if len(c.variants) > 1 {
			name += "/go=" + variant
		}
		if err := missing[1+i]; err != nil {
			rows = append(rows, row{Name: name, Missing: err.Error()})
			continue
		}
		for j, v := range c.values {
			of, goal := name, v.target
			if v.name != "" {
				of += "/" + v.name
			}
			if c.aim != "" && c.aim != variant {
				goal = target{}
			}
			rows = append(rows, newRow(of, took[0][j], took[1+i][j], allocs[1+i], goal))
		}
	}
	return rows, nil
}

// round starts one process for each side and lets them take samples in turn; who
// begins changes. A side's figure is the median of its samples. A variant that this
// kernel or this user can't have is missing, if there are others.
func (m *machine) round(c comparison, round int, took [][][]float64, allocs []float64, missing []error) (err error) {
	args := c.args
	if c.across {
		other, err := pickOther(m.cpu)
		if err != nil {
			return err
		}
		args = append([]string{strconv.Itoa(other)}, args...)
	}
	if c.faulter {
		args = append([]string{filepath.Join(m.programs, "faulter")}, args...)
	}
	commands := [][]string{append([]string{filepath.Join(m.programs, c.program)}, args...)}
	for _, v := range c.variants {
		commands = append(commands, slices.Concat([]string{m.self, workerWord, c.program, v}, args))
	}
	workers := make([]*worker, len(commands))
	defer func() {
		for _, w := range workers {
			if w != nil {
				err = errors.Join(err, w.end())
			}
		}
	}()
	for i, command := range commands {
		if missing[i] != nil {
			continue
		}
		w, err := start(m.cpu, m.procs, command, len(c.values))
		if i > 0 && len(c.variants) > 1 && errors.Is(err, errors.ErrUnsupported) {
			missing[i] = err
			continue
		}
		if err != nil {
			return err
		}
		workers[i] = w
	}
	samples := make([][][]float64, len(workers))
	for n := range c.samples {
		for k := range workers {
			i := (round + n + k) % len(workers)
			if workers[i] == nil {
				continue
			}
			values, allocated, err := workers[i].sample()
			if err != nil {
				return err
			}
			samples[i] = append(samples[i], values)
			allocs[i] = max(allocs[i], allocated)
		}
	}
	for i, w := range workers {
		if w == nil {
			continue
		}
		for j := range c.values {
			var all []float64
			for _, s := range samples[i] {
				all = append(all, s[j])
			}
			slices.Sort(all)
			took[i][j] = append(took[i][j], median(all))
		}
	}
	return nil
}

// header says what was measured where.
func (m *machine) header() ([]pair, error) {
	about, err := m.about()
	if err != nil {
		return nil, err
	}
	return append(about,
		pair{"pinned", "cpu " + strconv.Itoa(m.cpu)},
		pair{"gomaxprocs", strconv.Itoa(m.procs)},
		pair{"rounds", strconv.Itoa(m.rounds)}), nil
}
