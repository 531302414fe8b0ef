package matrix

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pageslot/pageslot/probe"
)

// The users as whom everything runs.
const (
	Root = "root"
	User = "user"
)

// Users maps them to their numbers in the machine.
var Users = map[string]int{Root: 0, User: 65534}

// Expect is what is committed of one machine: what the probe answers there, and
// which skips the tests of each package take. An answer as the user is there
// only where it differs from root's.
type Expect struct {
	Probe map[string]Answers          `json:"probe"`
	Skips map[string]map[string]Names `json:"skips"` // by user and package
}

// Answers are those of a probe, by question.
type Answers map[probe.Question]Answer

// Answer is the part of an answer that can be compared.
type Answer struct {
	Verdict probe.Verdict `json:"answer"`
	Values  []string      `json:"values,omitempty"`
}

// Names are names of skips, sorted.
type Names []string

// expectFile is where the expectation of a machine is in testdata.
func expectFile(machine string) string { return "expect/" + machine + ".json" }

// ReadExpect reads the expectation of a machine from testdata. The error is
// fs.ErrNotExist if there is none.
func ReadExpect(dir fs.FS, machine string) (Expect, error) {
	var e Expect
	err := readJSON(dir, expectFile(machine), &e)
	return e, err
}

// Write puts the expectation into the folder dir, all of it or nothing.
func (e Expect) Write(dir, machine string) error {
	name := filepath.Join(dir, filepath.FromSlash(expectFile(machine)))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".expect-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(e.text())
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// text is the JSON form with a line for each answer and each package, so that a
// difference is a line of a patch.
func (e Expect) text() []byte {
	var b bytes.Buffer
	b.WriteString("{\n  \"probe\": {")
	nested(&b, Root, User, func(who string) []line {
		var out []line
		for _, q := range slices.Sorted(maps.Keys(e.Probe[who])) {
			out = append(out, line{string(q), e.Probe[who][q]})
		}
		return out
	})
	b.WriteString("\n  },\n  \"skips\": {")
	nested(&b, Root, User, func(who string) []line {
		var out []line
		for _, p := range slices.Sorted(maps.Keys(e.Skips[who])) {
			out = append(out, line{p, e.Skips[who][p]})
		}
		return out
	})
	b.WriteString("\n  }\n}\n")
	return b.Bytes()
}

type line struct {
	key   string
	value any
}

// nested writes an object for each user with a line for each of its members.
func nested(b *bytes.Buffer, root, user string, lines func(who string) []line) {
	for i, who := range []string{root, user} {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    " + quote(who) + ": {")
		for j, l := range lines(who) {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString("\n      " + quote(l.key) + ": " + quote(l.value))
		}
		b.WriteString("\n    }")
	}
}

// quote is the JSON of strings and of lists of them, which cannot fail.
func quote(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(bytes.ReplaceAll(text, []byte(`","`), []byte(`", "`)))
}

// answers is what of a report can be compared.
func answers(r probe.Report) Answers {
	out := Answers{}
	for _, a := range r.Answers {
		c := Answer{Verdict: a.Verdict}
		if !a.Momentary {
			c.Values = a.Values
		}
		out[a.Name] = c
	}
	return out
}

// equal tells whether two answers are the same.
func (a Answer) equal(b Answer) bool {
	return a.Verdict == b.Verdict && slices.Equal(a.Values, b.Values)
}

// String is the answer as a sentence has it: "yes (A, B)".
func (a Answer) String() string {
	if len(a.Values) == 0 {
		return string(a.Verdict)
	}
	return string(a.Verdict) + " (" + strings.Join(a.Values, ", ") + ")"
}

// of is the expected answers as one user: those of the user over root's.
func (e Expect) of(who string) Answers {
	out := maps.Clone(e.Probe[Root])
	if out == nil {
		out = Answers{}
	}
	if who != Root {
		maps.Copy(out, e.Probe[who])
	}
	return out
}
