package matrix

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const printed = "before\n" +
	"\x16=== RUN   TestA\n" +
	"of one that passed\n" +
	"words without an end\x16--- PASS: TestA (0.01s)\n" +
	"\x16=== RUN   TestB\n\x16=== RUN   TestB/one\n" +
	"    b_test.go:3: why it is skipped\n" +
	"\x16    --- SKIP: TestB/one (0.00s)\n" +
	"\x16--- SKIP: TestB (0.00s)\n" +
	"\x16=== RUN   TestC\n\x16=== RUN   TestC/two\n" +
	"--- PASS: TestNot (0.00s)\n" + // printed by a test
	"\x16=== RUN   TestP\n\x16=== PAUSE TestP\n\x16=== NAME  TestC\n" +
	"    c_test.go:4: why it fails\n" +
	"\x16    --- FAIL: TestC/two (0.00s)\n" +
	"\x16--- FAIL: TestC (0.00s)\n" +
	"\x16=== CONT  TestP\n" +
	"\x16--- PASS: TestP (0.00s)\n" +
	"\x16=== RUN   ExampleD\n\x16--- PASS: ExampleD (0.00s)\n" +
	"\x16=== NAME  \nbetween\n" +
	"\x16=== RUN   TestE\n" +
	"panic: why it died"

// However it comes in pieces, the count is the same, and what is kept.
func TestTally(t *testing.T) {
	const kept = "before\n--- PASS: TestNot (0.00s)\n    c_test.go:4: why it fails\n    --- FAIL: TestC/two (0.00s)\n--- FAIL: TestC (0.00s)\nbetween\npanic: why it died\n"
	for size := 1; size <= len(printed); size++ {
		var y tally
		for rest := printed; rest != ""; {
			n := min(size, len(rest))
			if got, err := y.Write([]byte(rest[:n])); got != n || err != nil {
				t.Fatalf("wrote %d of %d, %v", got, n, err)
			}
			rest = rest[n:]
		}
		if y.passed != 3 || y.skipped != 1 || y.failed != 1 || y.nothing {
			t.Fatalf("in pieces of %d: %d passed, %d skipped, %d failed", size, y.passed, y.skipped, y.failed)
		}
		if got := y.output(99); got != kept {
			t.Fatalf("in pieces of %d: %s", size, cmp.Diff(kept, got))
		}
	}
}

// A program that dies leaves what its tests had printed.
func TestTallyOfTheDead(t *testing.T) {
	var y tally
	fmt.Fprint(&y, "\x16=== RUN   TestE\n\x16=== RUN   TestE/sub\nwords\n\x16=== RUN   TestF\npanic: here\n\ngoroutine 1\n")
	if got, want := y.output(99), "=== TestE\nwords\n=== TestF\npanic: here\n\ngoroutine 1\n"; got != want {
		t.Error(cmp.Diff(want, got))
	}
}

func TestTallyNothing(t *testing.T) {
	var y tally
	fmt.Fprint(&y, "testing: warning: no tests to run\nPASS\n")
	if !y.nothing || y.passed+y.skipped+y.failed != 0 {
		t.Errorf("%+v", y)
	}
}

// A program that prints without end does not fill the memory, and its end shows.
func TestTallyKeepsTheEnd(t *testing.T) {
	var y tally
	line := strings.Repeat("x", 1000) + "\n"
	for range 3000 {
		fmt.Fprint(&y, line)
	}
	fmt.Fprint(&y, strings.Repeat("y", 3*longest), "\nthe end\n")
	if y.kept.b.Len() > 3*mostKept || len(y.part) > longest {
		t.Errorf("%d bytes are kept", y.kept.b.Len())
	}
	out := y.output(2)
	if !strings.HasPrefix(out, "... ") || !strings.HasSuffix(out, "the end\n") || strings.Count(out, "\n") != 3 {
		t.Errorf("%.80q", out)
	}
}

func TestReadSkips(t *testing.T) {
	got, err := readSkips(strings.NewReader("pkey\tp.TestA\tno keys\npkey\tp.TestB\tno keys\nlong\tp.TestC\t\n"))
	if err != nil || len(got) != 2 || got["pkey"] != 2 || got["long"] != 1 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{"pkey", "pkey\tx", "\tx\ty", "pkey\tx\ty\tz"} {
		if got, err := readSkips(strings.NewReader(text)); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
