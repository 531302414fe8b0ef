package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
)

const committedSince = "../testdata/since.json"

// committedHistory reads what the repository says about since when.
func committedHistory(t *testing.T) *history {
	t.Helper()
	since, err := readSince(committedSince)
	if errors.Is(err, os.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := readExact(exactPath(committedSince))
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHistory(since, list)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// compareLines compares files line by line.
func compareLines(t *testing.T, what string, want, got []byte) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestSinceIsCurrent: the file goes with the facts, byte for byte, and looks at
// the releases of gen/older.go. If it fails, run go run ./gen -emit-only; where
// the facts have moved on to another release, add the one before to gen/older.go
// and gen/fetch-older.
func TestSinceIsCurrent(t *testing.T) {
	text, err := os.ReadFile(committedSince)
	if err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	since := committedHistory(t).since
	compareLines(t, "since.json, read and written", text, since.encode())
	if err := since.extend(committed(t)); err != nil {
		t.Fatal(err)
	}
	compareLines(t, "since.json with the facts", text, since.encode())
	var looked []release
	for _, h := range since.Headers[:len(since.Headers)-1] {
		looked = append(looked, h.release)
		for _, p := range ports {
			if _, ok := h.sources[p.goarch]; ok != slices.Contains(names(portsAt(h.release)), p.goarch) {
				t.Errorf("%s: headers of Linux %v: %v", p.goarch, h.release, ok)
			}
		}
	}
	if !slices.Equal(looked, older) {
		t.Errorf("since.json has headers of %v before those of the facts, gen/older.go of %v", looked, older)
	}
}

// TestSinceAgainstHeaders makes the file from the headers of all releases:
// those of the tree that PAGESLOT_OLDER_HEADERS names (gen/fetch-older makes
// it), and the facts.
func TestSinceAgainstHeaders(t *testing.T) {
	want, err := os.ReadFile(committedSince)
	if err != nil {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	clang := needClang(t, ports)
	tree := os.Getenv("PAGESLOT_OLDER_HEADERS")
	if tree == "" {
		testgate.Skip(t, testgate.Headers, "PAGESLOT_OLDER_HEADERS is not set")
	}
	all, err := extractOlder(clang, tree)
	if err != nil {
		t.Fatal(err)
	}
	got, err := deriveSince(append(all, committed(t)))
	if err != nil {
		t.Fatal(err)
	}
	compareLines(t, "since.json, from the headers", want, got.encode())
}

// TestWrongExactFails moves each exact release out of its bracket, both ways:
// what is committed must be held to the headers one by one.
func TestWrongExactFails(t *testing.T) {
	since := committedHistory(t).since
	list, err := readExact(exactPath(committedSince))
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, v := range list.Versions {
		for _, symbol := range v.Symbols {
			port := since.portsOf(symbol)[0]
			if v.Ports != "" {
				port, _, _ = strings.Cut(v.Ports, ",")
			}
			b := since.bracket(symbol, port)
			for _, wrong := range []release{b.after, b.upTo.next()} {
				if (wrong == release{}) {
					continue
				}
				h := &history{since, map[string]map[string]release{}}
				if err := h.add(symbol, v.Ports, wrong); err == nil {
					t.Errorf("%s since Linux %v is accepted, %v is its bracket", symbol, wrong, b)
				}
				refused++
			}
		}
	}
	if refused < 100 {
		t.Errorf("only %d wrong releases were tried", refused)
	}
}
