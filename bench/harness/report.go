package harness

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// report is the outcome of a run.
type report struct {
	Header []pair `json:"-"`
	Rows   []row  `json:"results"`
}

// pair is a line of the header: "key: value", as Go's benchmark format has it.
type pair struct{ key, value string }

// row compares one value of C and of Go. If it could not be had, Missing says why,
// and the figures are not there.
type row struct {
	Name       string    `json:"name"`
	Rounds     int       `json:"rounds"`
	Confidence float64   `json:"confidence"` // of the intervals
	C          estimate  `json:"c_ns"`
	Go         estimate  `json:"go_ns"`
	Difference estimate  `json:"difference_ns"`
	Ratio      estimate  `json:"ratio"`
	Allocs     float64   `json:"allocs_per_op"`
	Target     string    `json:"target,omitempty"`
	Met        bool      `json:"met"`     // the median meets the target, and nothing is allocated
	Decided    bool      `json:"decided"` // the whole interval says the same
	CRounds    []float64 `json:"c_rounds_ns"`
	GoRounds   []float64 `json:"go_rounds_ns"`

	Missing string `json:"-"`
	Failed  bool   `json:"-"`
}

// newRow makes a row of what C and Go took in each round. allocs is what Go
// allocated for an operation, at most.
func newRow(name string, c, g []float64, allocs float64, t target) row {
	r := row{Name: name, Rounds: len(c), C: estimateOf(c), Go: estimateOf(g), Allocs: allocs, Target: t.String(), CRounds: c, GoRounds: g}
	_, r.Confidence = rank(len(c))
	r.Ratio = estimateOf(paired(c, g, func(c, g float64) float64 { return g / c }))
	r.Difference = estimateOf(paired(c, g, func(c, g float64) float64 { return g - c }))
	if r.Target != "" {
		r.Met = t.met(r.Ratio.Median, r.Difference.Median) && allocs == 0
		worst, best := t.met(r.Ratio.High, r.Difference.High), t.met(r.Ratio.Low, r.Difference.Low)
		r.Decided = worst == best || allocs != 0
	}
	return r
}

// verdict is a word on the target, or nothing without one.
func (r row) verdict() string {
	switch {
	case r.Target == "":
		return ""
	case r.Met && r.Decided:
		return "met"
	case r.Met:
		return "met, interval crosses"
	case r.Decided:
		return "MISSED"
	}
	return "MISSED, interval crosses"
}

// missed tells whether a target was missed, or could not be tried.
func (r report) missed() bool {
	for _, r := range r.Rows {
		if r.Missing != "" || r.Target != "" && !r.Met {
			return true
		}
	}
	return false
}

// failed tells whether something that should run did not.
func (r report) failed() bool {
	for _, r := range r.Rows {
		if r.Failed {
			return true
		}
	}
	return false
}

// text writes the header and a table.
func (r report) text(w io.Writer) error {
	var b strings.Builder
	for _, p := range r.Header {
		fmt.Fprintf(&b, "%s: %s\n", p.key, p.value)
	}
	table := [][]string{{"", "C, ns", "Go, ns", "Go - C, ns", "Go / C", "allocs", "target", ""}}
	var missing []string
	intervals := map[string]bool{}
	for _, r := range r.Rows {
		if r.Missing != "" {
			missing = append(missing, fmt.Sprintf("%s: %s\n", r.Name, r.Missing))
			continue
		}
		table = append(table, []string{r.Name, ns(r.C), ns(r.Go), ns(r.Difference),
			fmt.Sprintf("%.3f [%.3f, %.3f]", r.Ratio.Median, r.Ratio.Low, r.Ratio.High),
			fmt.Sprintf("%.2g", r.Allocs), r.Target, r.verdict()})
		intervals[fmt.Sprintf("in brackets: an interval for the median of %d rounds, confidence %.1f %%\n", r.Rounds, 100*r.Confidence)] = true
	}
	if len(table) > 1 {
		b.WriteString("\n")
		writeTable(&b, table)
		b.WriteString("\n")
	}
	for line := range intervals {
		b.WriteString(line)
	}
	for _, line := range missing {
		b.WriteString(line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func ns(e estimate) string { return fmt.Sprintf("%.0f [%.0f, %.0f]", e.Median, e.Low, e.High) }

// writeTable writes Markdown that is readable as it is.
func writeTable(b *strings.Builder, table [][]string) {
	widths := make([]int, len(table[0]))
	for _, cells := range table {
		for i, c := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for n, cells := range table {
		for i, c := range cells {
			fmt.Fprintf(b, "| %-*s ", widths[i], c)
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, width := range widths {
				b.WriteString("|" + strings.Repeat("-", width+2))
			}
			b.WriteString("|\n")
		}
	}
}

// MarshalJSON gives a row without figures its own form.
func (r row) MarshalJSON() ([]byte, error) {
	if r.Missing != "" {
		return json.Marshal(map[string]any{"name": r.Name, "missing": r.Missing, "failed": r.Failed})
	}
	type plain row
	return json.Marshal(plain(r))
}

// json writes all of it, the rounds too.
func (r report) json(w io.Writer) error {
	header := map[string]string{}
	for _, p := range r.Header {
		header[p.key] = p.value
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(map[string]any{"machine": header, "results": r.Rows})
}
