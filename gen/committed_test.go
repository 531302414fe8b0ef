package main

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
)

const (
	committedFacts = "../testdata/facts"
	committedSys   = "../sys"
)

// committed reads the facts of the repository.
func committed(t *testing.T) []*Facts {
	t.Helper()
	facts, err := readFactsDir(committedFacts, ports)
	if errors.Is(err, os.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return facts
}

// TestSysIsGenerated makes the files of package sys again, from the facts that
// are committed, and compares bytes. If it fails, run go generate ./sys.
func TestSysIsGenerated(t *testing.T) {
	files, err := emit(committed(t), committedHistory(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		got, err := os.ReadFile(filepath.Join(committedSys, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(strings.Split(string(files[name]), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s is not what the facts give (-facts +file):\n%s", name, diff)
		}
	}
	paths, err := filepath.Glob(filepath.Join(committedSys, "z*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if _, ok := files[filepath.Base(path)]; !ok {
			t.Errorf("%s is not generated and begins with z", path)
		}
	}
}

// TestFactsAreEncodedOnce reads the facts and writes them: the same bytes.
func TestFactsAreEncodedOnce(t *testing.T) {
	for _, f := range committed(t) {
		path := filepath.Join(committedFacts, f.Port+".json")
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(f.encode()) != string(text) {
			t.Errorf("%s: reading and writing changes it", path)
		}
	}
}

// TestFactsAgainstHeaders derives the facts from real headers: those of the
// tree that PAGESLOT_HEADERS names (gen/fetch-headers makes one).
func TestFactsAgainstHeaders(t *testing.T) {
	want := committed(t)
	clang := needClang(t, ports)
	got, err := extractAll(clang, headerTree(t), "", ports)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Headers.Linux != want[0].Headers.Linux {
		testgate.Skip(t, testgate.Headers, "PAGESLOT_HEADERS has those of "+got[0].Headers.String()+
			", the facts are of "+want[0].Headers.String())
	}
	for i, f := range got {
		// A tree that was made by the kernel's make has no package.
		f.Headers = want[i].Headers
		if diff := cmp.Diff(want[i], f); diff != "" {
			t.Errorf("%s: the headers say something else (-committed +headers):\n%s", f.Port, diff)
		}
	}
}

// headerTree is the tree that PAGESLOT_HEADERS names.
func headerTree(t *testing.T) string {
	t.Helper()
	tree := os.Getenv("PAGESLOT_HEADERS")
	if tree == "" {
		testgate.Skip(t, testgate.Headers, "PAGESLOT_HEADERS is not set")
	}
	return tree
}

// TestFactsBySecondWay compiles every fact as an assertion of C: the values
// and offsets then do not come out of the object file and the debug
// information, but are compared by a compiler. gcc does so for its own
// machine's ports, where it is installed: a second front end.
func TestFactsBySecondWay(t *testing.T) {
	all := committed(t)
	clang := needClang(t, ports)
	tree := headerTree(t)
	if f, err := extract(clang, tree, nil, ports[1]); err != nil {
		t.Fatal(err)
	} else if f.Headers.Linux != all[1].Headers.Linux {
		testgate.Skip(t, testgate.Headers, "PAGESLOT_HEADERS has those of "+f.Headers.String())
	}
	for i, p := range ports {
		t.Run(p.goarch, func(t *testing.T) {
			dirs, err := findHeaders(tree, p)
			if err != nil {
				t.Fatal(err)
			}
			source, n := assertions(all[i])
			if n < 700 && p.goarch == "amd64" {
				t.Errorf("only %d assertions", n)
			}
			c := compiler{clang, p, dirs}
			if _, err := c.run(source, "-fsyntax-only", "-"); err != nil {
				t.Errorf("clang: %v", err)
			}
			wrong := strings.Replace(source, "== 0xc018aa3f", "== 0xc018aa3e", 1)
			if _, err := c.run(wrong, "-fsyntax-only", "-"); wrong == source || err == nil {
				t.Error("clang accepts a wrong assertion")
			}
			checkWithGCC(t, p, dirs, source)
		})
	}
}
