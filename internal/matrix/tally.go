package matrix

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// verbose makes a test binary say how each test ended, marked so that what a
// test prints cannot hide it.
const verbose = "-test.v=test2json"

// mark stands before the lines of the testing package.
const mark = "\x16"

var (
	ended = regexp.MustCompile(mark + `\s*--- (PASS|FAIL|SKIP): (\S+) \(`)
	// noise are the lines that say nothing once a test has failed.
	noise = regexp.MustCompile(`^` + mark + `(\s*--- (PASS|SKIP): |=== (RUN|PAUSE|CONT|NAME) )`)
)

// tally reads what a test binary prints. It counts the tests, without their
// subtests, and keeps the end of the rest.
type tally struct {
	passed, failed, skipped int
	nothing                 bool // the testing package said that no test was to run
	kept                    bytes.Buffer
	part                    []byte // of a line that has not ended
}

const mostKept = 256 << 10

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
	if len(t.part) > mostKept {
		t.line(string(t.part))
		t.part = t.part[:0]
	}
	return n, nil
}

func (t *tally) line(s string) {
	for _, m := range ended.FindAllStringSubmatch(s, -1) {
		switch {
		case strings.Contains(m[2], "/"): // a subtest
		case m[1] == "PASS":
			t.passed++
		case m[1] == "FAIL":
			t.failed++
		default:
			t.skipped++
		}
	}
	if strings.Contains(s, "testing: warning: no tests to run") {
		t.nothing = true
	}
	if noise.MatchString(s) {
		return
	}
	t.kept.WriteString(strings.ReplaceAll(s, mark, "") + "\n")
	if over := t.kept.Len() - mostKept; over > mostKept {
		t.kept.Next(over)
	}
}

// output is the last lines of what was printed.
func (t *tally) output(lines int) string {
	text := t.kept.String()
	if len(t.part) > 0 {
		text += string(t.part) + "\n"
	}
	all := strings.SplitAfter(text, "\n")
	if len(all) > lines+1 {
		return fmt.Sprintf("... %d lines before\n", len(all)-lines-1) + strings.Join(all[len(all)-lines-1:], "")
	}
	return text
}

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
