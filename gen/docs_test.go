package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/testgate"
)

const committedDocs = "../docs/kernel-support.md"

// TestDocsAreGenerated makes the tables of docs/kernel-support.md again and
// compares bytes. If it fails, run go run ./gen -emit-only.
func TestDocsAreGenerated(t *testing.T) {
	got, err := os.ReadFile(committedDocs)
	if errors.Is(err, fs.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := docsFile(committedDocs, committedHistory(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is not what testdata gives (-testdata +file):\n%s", committedDocs, diff)
	}
	wantAll(t, string(got),
		"| `UFFDIO_MOVE` | 6.8 | all |\n",
		"| `UFFDIO_RWPROTECT` | 7.3 | all |\n",
		"| `memfd_secret` | 5.14 | 386, amd64, arm64, riscv64 |\n",
		"| `PIDFD_GET_INFO` | 6.13..7.2 | all |\n",
		"| `MADV_SOFT_OFFLINE` | ≤ 5.10 | all but mips, mipsle, mips64, mips64le |\n",
		"| 6.12 | linux 6.12.8-1 | mips, mipsle, mips64, mips64le |\n")
}

// TestDocsKeepTheRest: what stands outside of the marks stays, and a second run
// changes nothing.
func TestDocsKeepTheRest(t *testing.T) {
	h, err := newHistory(smallSince(t), smallList())
	if err != nil {
		t.Fatal(err)
	}
	text, err := renderDocs([]byte("# Title\n"+docsBegin+"old\n"+docsEnd+"<!-- other: begin -->\nmine\n"), h)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), "# Title\n"+docsBegin) || !strings.HasSuffix(string(text), docsEnd+"<!-- other: begin -->\nmine\n") {
		t.Errorf("the rest is not as it was:\n%s", text)
	}
	if strings.Contains(string(text), "old") {
		t.Errorf("the old part is still there:\n%s", text)
	}
	wantAll(t, string(text), "| `MFD_B` | 6.0 | all but arm |\n| `MFD_B` | 6.2..6.12 | arm |\n",
		"| `MFD_D` | 6.13 | all but arm |\n", "\n≤ 5.10, all ports: `MFD_A`.\n")
	if again, err := renderDocs(text, h); err != nil || string(again) != string(text) {
		t.Errorf("a second run (%v) gives\n%s", err, again)
	}
	for name, bad := range map[string]string{
		"no marks":    "# Title\n",
		"no end":      docsBegin,
		"no begin":    docsEnd,
		"wrong order": docsEnd + docsBegin,
		"marks twice": docsBegin + docsEnd + docsBegin + docsEnd,
	} {
		if text, err := renderDocs([]byte(bad), h); err == nil || text != nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestEverySymbolIsShown: only system calls may be left out of the document.
func TestEverySymbolIsShown(t *testing.T) {
	used := map[int]bool{}
	for _, symbol := range committedHistory(t).since.symbols() {
		i := sectionOf(symbol)
		used[i] = true
		if i < 0 && !strings.HasPrefix(symbol, "__NR_") {
			t.Errorf("%s is in no section of gen/docs_sections.go", symbol)
		}
	}
	for i, s := range sections {
		if !used[i] {
			t.Errorf("the section %q is empty", s.title)
		}
	}
}
