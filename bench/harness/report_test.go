package harness

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Nine rounds: C takes 100 to 108 ns, Go as much more as is said.
func rowWith(name string, more, allocs float64, t target) row {
	var c, g []float64
	for i := range 9 {
		c = append(c, 100+float64(i))
		g = append(g, 100+float64(i)+more)
	}
	return newRow(name, c, g, allocs, t)
}

func TestVerdict(t *testing.T) {
	crossing := newRow("", []float64{100, 100, 100, 100, 100, 100, 100, 100, 100}, []float64{150, 150, 150, 150, 190, 210, 210, 210, 210}, 0, target{extra: 100})
	for _, test := range []struct {
		row  row
		want string
	}{
		{rowWith("", 99, 0, target{extra: 100}), "met"},
		{rowWith("", 101, 0, target{extra: 100}), "MISSED"},
		{rowWith("", 5, 0, target{ratio: 1.06}), "met"},
		{rowWith("", 50, 0, target{ratio: 1.05}), "MISSED"},
		{rowWith("", 10, 1, target{extra: 100}), "MISSED"},
		{rowWith("", 1000, 0, target{}), ""},
		{crossing, "met, interval crosses"},
	} {
		if got := test.row.verdict(); got != test.want {
			t.Errorf("%+v: %q, want %q", test.row, got, test.want)
		}
	}
}

func TestNewRow(t *testing.T) {
	r := newRow("x", []float64{100, 200, 400}, []float64{150, 240, 480}, 0, target{})
	if r.Difference.Median != 50 || r.Ratio.Median != 1.2 {
		t.Errorf("difference %v, ratio %v: want the median of the pairs, 50 and 1.2", r.Difference, r.Ratio)
	}
}

func TestOutcome(t *testing.T) {
	good, bad := rowWith("", 1, 0, target{extra: 2}), rowWith("", 3, 0, target{extra: 2})
	for _, test := range []struct {
		rows           []row
		missed, failed bool
	}{
		{[]row{good, rowWith("", 9999, 0, target{})}, false, false},
		{[]row{good, bad}, true, false},
		{[]row{good, {Missing: "this kernel does not have it"}}, true, false},
		{[]row{good, {Missing: "no descriptor", Failed: true}}, true, true},
	} {
		r := report{Rows: test.rows}
		if r.missed() != test.missed || r.failed() != test.failed {
			t.Errorf("missed %v, failed %v; want %v, %v", r.missed(), r.failed(), test.missed, test.failed)
		}
	}
}

var sample = report{
	Header: []pair{{"cpu", "a <fast> one"}, {"kernel", "Linux 6.18"}},
	Rows: []row{
		rowWith("copy/size=4KiB", 90, 0, target{extra: 100}),
		rowWith("manager/mean", 20, 0, target{ratio: 1.10}),
		{Name: "poison", Missing: "unsupported"},
	},
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := sample.text(&b); err != nil {
		t.Fatal(err)
	}
	const want = `cpu: a <fast> one
kernel: Linux 6.18

|                | C, ns          | Go, ns         | Go - C, ns  | Go / C               | allocs | target     |        |
|----------------|----------------|----------------|-------------|----------------------|--------|------------|--------|
| copy/size=4KiB | 104 [101, 107] | 194 [191, 197] | 90 [90, 90] | 1.865 [1.841, 1.891] | 0      | C + 100 ns | met    |
| manager/mean   | 104 [101, 107] | 124 [121, 127] | 20 [20, 20] | 1.192 [1.187, 1.198] | 0      | C x 1.10   | MISSED |

in brackets: an interval for the median of 9 rounds, confidence 96.1 %
poison: unsupported
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := sample.json(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "a <fast> one") {
		t.Error("the header was escaped")
	}
	var got struct {
		Machine map[string]string
		Results []map[string]any
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Machine["kernel"] != "Linux 6.18" || len(got.Results) != 3 {
		t.Fatalf("%+v", got)
	}
	first := got.Results[0]
	ratio := first["ratio"].(map[string]any)
	if first["name"] != "copy/size=4KiB" || first["met"] != true || ratio["median"].(float64) < 1.8 || len(first["go_rounds_ns"].([]any)) != 9 {
		t.Errorf("%v", first)
	}
	if diff := cmp.Diff(map[string]any{"name": "poison", "missing": "unsupported", "failed": false}, got.Results[2]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
