package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// typedRelease finds the release that somebody typed behind a constant:
// "write-protection (5.7)", "(6.3; before, all were so)" or "6.8" alone.
var typedRelease = regexp.MustCompile(`(?:\(|^)([0-9]+\.[0-9]+)\b`)

// TestTypedReleases holds the releases in comments of typed constants to the
// headers: one that is known exactly has to be the same, and the others have to
// lie in their brackets.
func TestTypedReleases(t *testing.T) {
	h := committedHistory(t)
	for path, least := range map[string]int{"../uffd/numbers_linux.go": 30, "../memfd/numbers_linux.go": 5} {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			m := typedRelease.FindStringSubmatch(strings.TrimSpace(spec.Doc.Text() + spec.Comment.Text()))
			symbol := symbolOf(spec)
			if m == nil || symbol == "" {
				return true
			}
			found++
			if problem := h.contradicts(symbol, m[1]); problem != "" {
				t.Errorf("%s: %s: %s", path, spec.Names[0], problem)
			}
			return true
		})
		if found < least {
			t.Errorf("%s: %d releases found, want %d at least", path, found, least)
		}
	}
}

// symbolOf is the name in package sys that a constant is made of.
func symbolOf(spec *ast.ValueSpec) (symbol string) {
	for _, v := range spec.Values {
		ast.Inspect(v, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "sys" {
					symbol = s.Sel.Name
				}
			}
			return symbol == ""
		})
	}
	return symbol
}

// contradicts says why a typed release cannot be, or nothing. Where ports have a
// symbol since different releases, one of these is right.
func (h *history) contradicts(symbol, typed string) string {
	r, err := parseRelease(typed)
	if err != nil {
		return err.Error()
	}
	var known []string
	for _, row := range h.rows(symbol) {
		port := row.ports[0]
		if exact, ok := h.exact[symbol][port]; ok && exact == r || !ok && h.since.bracket(symbol, port).holds(r) {
			return ""
		}
		known = append(known, row.since)
	}
	if known == nil {
		return symbol + " is in no headers"
	}
	return symbol + " came with Linux " + strings.Join(known, " or ") + ", not with " + typed
}

// TestTypedReleasesInSentences holds what is typed elsewhere: in the comments of
// the bare calls, and in the reasons of the test gate.
func TestTypedReleasesInSentences(t *testing.T) {
	h := committedHistory(t)
	found := 0
	check := func(where, symbol, typed string) {
		found++
		if problem := h.contradicts(symbol, typed); problem != "" {
			t.Errorf("%s: %s", where, problem)
		}
	}
	paths, err := filepath.Glob("../sys/*_linux.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(\w+) ioctl: since Linux ([0-9.]+[0-9])`).FindAllStringSubmatch(string(text), -1) {
			check(path, m[1], m[2])
		}
		for _, m := range regexp.MustCompile(`(\w+)\(2\): since Linux ([0-9.]+[0-9])`).FindAllStringSubmatch(string(text), -1) {
			check(path, "__NR_"+m[1], m[2])
		}
	}
	for _, name := range testgate.Names() {
		for _, m := range regexp.MustCompile(`(\w+)(?: and \w+)? \(Linux ([0-9.]+[0-9])`).FindAllStringSubmatch(name.Needs(), -1) {
			symbol := m[1]
			if strings.ToLower(symbol) == symbol {
				symbol = "__NR_" + symbol
			}
			check("testgate", symbol, m[2])
		}
	}
	if found < 12 {
		t.Errorf("only %d releases found", found)
	}
}

func TestTypedReleasesSees(t *testing.T) {
	h, err := newHistory(smallSince(t), smallList())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		symbol, typed string
		wrong         bool
	}{
		{"MFD_C", "6.7", false}, {"MFD_C", "6.8", true}, // exact
		{"MFD_A", "4.3", false}, {"MFD_A", "5.11", true}, // in a bracket
		{"MFD_D", "6.13", false}, {"MFD_D", "6.12", true},
		{"MFD_B", "6.0", false}, {"MFD_B", "6.3", false}, {"MFD_B", "5.19", true}, // one port and another
		{"MFD_X", "6.7", true}, {"MFD_A", "5", true},
	} {
		if problem := h.contradicts(c.symbol, c.typed); (problem != "") != c.wrong {
			t.Errorf("%s since %s: %q", c.symbol, c.typed, problem)
		}
	}
	for comment, want := range map[string]string{
		"write-protection (5.7)": "5.7", "events of fork (4.11; needs more)": "4.11", "6.8": "6.8",
		"before 5.11": "", "since then": "", "sealed (also 6.3)": "",
	} {
		got := ""
		if m := typedRelease.FindStringSubmatch(comment); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("%q has the release %q, want %q", comment, got, want)
		}
	}
}
