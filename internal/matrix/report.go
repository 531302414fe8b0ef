package matrix

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/pageslot/pageslot/probe"
)

// Report is all that a run of the matrix showed. It is what -json writes.
type Report struct {
	OK       bool            `json:"ok"`
	Module   string          `json:"module"`
	Seconds  float64         `json:"seconds"`
	Machines []MachineReport `json:"machines"`
}

// MachineReport is what one machine showed.
type MachineReport struct {
	Machine  string  `json:"machine"`
	Port     string  `json:"port"`
	Release  string  `json:"release"`
	Page     int     `json:"page"`
	Package  string  `json:"package,omitempty"`  // of the kernel, with its version
	Fallback bool    `json:"fallback,omitempty"` // it is not the one that is committed
	QEMU     string  `json:"qemu,omitempty"`     // its version
	Unpacked bool    `json:"unpacked,omitempty"` // not installed, but unpacked in the cache
	KVM      bool    `json:"kvm,omitempty"`
	Says     string  `json:"says,omitempty"` // the kernel of itself
	Boot     float64 `json:"boot"`           // seconds until programs ran
	Seconds  float64 `json:"seconds"`        // from the start of QEMU to its end

	Packages []PackageReport         `json:"packages,omitempty"`
	Probe    map[string]probe.Report `json:"probe,omitempty"` // by user

	// Differences are between what was seen and what is committed; Updated those
	// that -update has made the new expectation.
	Differences []string `json:"differences,omitempty"`
	Updated     []string `json:"updated,omitempty"`
	// Error says in a line why the machine, or what it needs, failed.
	Error   string `json:"error,omitempty"`
	Console string `json:"console,omitempty"`
}

// PackageReport is how the tests of one package ended as one user.
type PackageReport struct {
	Package string         `json:"package"`
	User    string         `json:"user"`
	Passed  int            `json:"passed"`
	Failed  int            `json:"failed,omitempty"`
	Skipped int            `json:"skipped,omitempty"`
	Skips   map[string]int `json:"skips,omitempty"` // by name, those of subtests too
	Seconds float64        `json:"seconds"`
	Error   string         `json:"error,omitempty"` // why it failed, in a line
	Output  string         `json:"output,omitempty"`
}

// OK tells whether everything on the machine was as it should be.
func (m MachineReport) OK() bool {
	return m.Error == "" && len(m.Differences) == 0 && !slices.ContainsFunc(m.Packages, func(p PackageReport) bool { return p.Error != "" })
}

// Line is the machine's progress in one line.
func (m MachineReport) Line() string {
	passed, skipped, failed := 0, 0, 0
	for _, p := range m.Packages {
		passed += p.Passed
		skipped += p.Skipped
		if p.Error != "" {
			failed++
		}
	}
	verdict := "ok"
	if !m.OK() {
		verdict = "FAILED"
	}
	var parts []string
	if m.Boot > 0 {
		how := "emulated"
		if m.KVM {
			how = "KVM"
		}
		parts = append(parts, fmt.Sprintf("%.1fs (%s, started in %.1fs)", m.Seconds, how, m.Boot))
	}
	if len(m.Packages) > 0 {
		parts = append(parts, count(passed, "test")+" passed, "+fmt.Sprint(skipped)+" skipped")
	}
	if failed > 0 {
		parts = append(parts, count(failed, "package")+" FAILED")
	}
	if n := len(m.Differences); n > 0 {
		parts = append(parts, count(n, "difference")+" from what is expected")
	}
	if n := len(m.Updated); n > 0 {
		parts = append(parts, count(n, "expectation")+" updated")
	}
	if m.Fallback {
		parts = append(parts, "FALLBACK to "+m.Package)
	}
	if m.Error != "" {
		parts = append(parts, m.Error)
	}
	return fmt.Sprintf("%-22s  %-6s  %s", m.Machine, verdict, strings.Join(parts, ", "))
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Details is what one has to read of a machine that failed, beside its line; ""
// if it did not.
func (m MachineReport) Details() string {
	var b strings.Builder
	for _, p := range m.Packages {
		if p.Error != "" {
			fmt.Fprintf(&b, "%s: %s as %s: %s\n%s", m.Machine, p.Package, p.User, p.Error, indented(p.Output))
		}
	}
	for _, d := range m.Differences {
		fmt.Fprintf(&b, "%s: %s\n", m.Machine, d)
	}
	for _, d := range m.Updated {
		fmt.Fprintf(&b, "%s: updated: %s\n", m.Machine, d)
	}
	if m.Console != "" {
		fmt.Fprintf(&b, "%s: its console:\n%s", m.Machine, indented(m.Console))
	}
	return b.String()
}

func indented(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString("    " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return b.String()
}

// Table is a line for each machine and package: how many tests passed as root and
// as the user, which skips there were, how long it took.
func Table(machines []MachineReport) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "machine\tpackage\tpassed\tskipped\tseconds\tskips by name")
	for _, m := range machines {
		if len(m.Packages) == 0 {
			word := "FAILED"
			if m.OK() {
				word = "ok"
			}
			fmt.Fprintf(w, "%s\t-\t%s\t\t\t\n", m.Machine, word)
		}
		for _, name := range packagesOf(m) {
			var passed, skipped []string
			seconds := 0.0
			failed := false
			by := map[string]map[string]int{}
			for _, p := range m.Packages {
				if p.Package != name {
					continue
				}
				passed = append(passed, fmt.Sprint(p.Passed))
				skipped = append(skipped, fmt.Sprint(p.Skipped))
				seconds += p.Seconds
				failed = failed || p.Error != ""
				by[p.User] = p.Skips
			}
			cell := strings.Join(passed, "+")
			if failed {
				cell += " FAILED"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.1f\t%s\n", m.Machine, name, cell, strings.Join(skipped, "+"), seconds, strings.Join(skipWords(by), "; "))
		}
	}
	w.Flush()
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return out.String()
}

func packagesOf(m MachineReport) []string {
	var out []string
	for _, p := range m.Packages {
		if !slices.Contains(out, p.Package) {
			out = append(out, p.Package)
		}
	}
	return out
}

// skipWords says which skips both users had, and which one alone.
func skipWords(by map[string]map[string]int) []string {
	both := map[string]int{}
	if len(by) == 2 {
		for name, n := range by[Root] {
			if by[User][name] == n {
				both[name] = n
			}
		}
	}
	words := func(skips map[string]int) string {
		var out []string
		for _, name := range slices.Sorted(maps.Keys(skips)) {
			out = append(out, fmt.Sprintf("%s %d", name, skips[name]))
		}
		return strings.Join(out, ", ")
	}
	var out []string
	if len(both) > 0 {
		out = append(out, words(both))
	}
	for _, who := range []string{Root, User} {
		own := maps.Clone(by[who])
		maps.DeleteFunc(own, func(name string, n int) bool { return both[name] == n })
		if len(own) > 0 {
			out = append(out, who+": "+words(own))
		}
	}
	return out
}

func seconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Millisecond)) / float64(time.Second)
}
