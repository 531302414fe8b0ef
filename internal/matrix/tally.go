package matrix

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// verbose makes a test binary say how each test ended, marked so that what a
// test prints cannot hide it.
const verbose = "-test.v=test2json"

// mark stands before the lines of the testing package.
const mark = "\x16"

var (
	ended   = regexp.MustCompile(`^\s*--- (PASS|FAIL|SKIP): (\S+) \(`)
	current = regexp.MustCompile(`^=== (?:RUN|PAUSE|CONT|NAME) *(\S*)`)
)

// tally reads what a test binary prints. It counts the tests, without their
// subtests, and keeps the end of what was printed, but not what belongs to tests
// that passed or were skipped.
type tally struct {
	passed, failed, skipped int
	nothing                 bool // the testing package said that no test was to run

	kept    tail
	running map[string]*tail // what belongs to tests that have not ended
	test    string           // the one that prints now
	part    []byte           // of a line that has not ended
}

// longest is where lines are cut.
const longest = 64 << 10

// Write never fails.
func (t *tally) Write(p []byte) (int, error) {
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			break
		}
		t.line(string(append(t.part, p[:i]...)))
		t.part, p = t.part[:0], p[i+1:]
	}
	t.part = append(t.part, p...)
	if len(t.part) > longest {
		t.line(string(t.part))
		t.part = t.part[:0]
	}
	return n, nil
}

func (t *tally) line(s string) {
	own, marked, isMarked := strings.Cut(s, mark)
	if !isMarked || own != "" {
		t.print(own)
	}
	if !isMarked {
		return
	}
	if m := current.FindStringSubmatch(marked); m != nil {
		t.test = top(m[1])
		return
	}
	m := ended.FindStringSubmatch(marked)
	if m == nil || top(m[2]) != m[2] {
		t.print(marked)
		return
	}
	own = t.end(m[2])
	switch m[1] {
	case "PASS":
		t.passed++
		return
	case "SKIP":
		t.skipped++
		return
	}
	t.failed++
	t.kept.add(own + marked + "\n")
}

// top is the name of the test that a subtest belongs to.
func top(test string) string {
	name, _, _ := strings.Cut(test, "/")
	return name
}

// print takes a line of the test that prints now.
func (t *tally) print(s string) {
	if strings.Contains(s, "testing: warning: no tests to run") {
		t.nothing = true
	}
	if t.test == "" {
		t.kept.add(s + "\n")
		return
	}
	if t.running == nil {
		t.running = map[string]*tail{}
	}
	if t.running[t.test] == nil {
		t.running[t.test] = new(tail)
	}
	t.running[t.test].add(s + "\n")
}

// end returns what a test had printed, and forgets it.
func (t *tally) end(test string) string {
	if t.test == test {
		t.test = ""
	}
	own := t.running[test]
	delete(t.running, test)
	if own == nil {
		return ""
	}
	return own.String()
}

// output is the last lines of what was printed, with all of the tests that have
// not ended.
func (t *tally) output(lines int) string {
	text := t.kept.String()
	for _, test := range slices.Sorted(maps.Keys(t.running)) {
		text += "=== " + test + "\n" + t.running[test].String()
	}
	if len(t.part) > 0 {
		text += string(t.part) + "\n"
	}
	all := strings.SplitAfter(text, "\n")
	if len(all) > lines+1 {
		return fmt.Sprintf("... %d lines before\n", len(all)-lines-1) + strings.Join(all[len(all)-lines-1:], "")
	}
	return text
}

// tail keeps the end of a text.
type tail struct{ b bytes.Buffer }

const mostKept = 256 << 10

func (t *tail) add(s string) {
	t.b.WriteString(s)
	if over := t.b.Len() - mostKept; over > mostKept { // not each time: it moves bytes
		t.b.Next(over)
	}
}

func (t *tail) String() string { return t.b.String() }

// skipLog reads what testgate wrote: how often each name.
func skipLog(file string) (map[string]int, error) {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return map[string]int{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readSkips(f)
}

func readSkips(r io.Reader) (map[string]int, error) {
	out := map[string]int{}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		field := strings.Split(lines.Text(), "\t")
		if len(field) != 3 || field[0] == "" {
			return nil, fmt.Errorf("a line of the log of skips makes no sense: %q", lines.Text())
		}
		out[field[0]]++
	}
	return out, lines.Err()
}
