package matrix

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/pageslot/pageslot/probe"
	"github.com/pageslot/pageslot/testgate"
)

// The page says what the expectations say.
func TestDocsAreGenerated(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(Page)))
	if errors.Is(err, fs.ErrNotExist) {
		testgate.Skip(t, testgate.Source, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	generated, err := the(t).Markdown(Embedded())
	if err != nil {
		t.Fatal(err)
	}
	want, err := InPage(string(page), generated)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(page), "\n")); diff != "" {
		t.Errorf("%s is not what the expectations say; \"pageslot vm matrix -update\" writes it:\n%s", Page, diff)
	}
}

func TestMarkdown(t *testing.T) {
	e := Expect{Probe: map[string]Answers{Root: {
		probe.UffdFeatures: {probe.Yes, []string{"A", "B", "C"}},
		probe.UffdMissing:  {probe.Yes, []string{"private anonymous", "shared hugetlb"}},
		probe.UffdMinor:    {Verdict: probe.No},
		probe.Pkey:         {probe.Yes, []string{"15 keys", "the lowest is 1"}},
		probe.THPSetting:   {probe.Yes, []string{"always", "2097152 bytes"}},
		probe.Mseal:        {Verdict: probe.Yes},
	}}}
	m := clone(t, the(t))
	m.Machines = m.Machines[:2]
	got, err := m.Markdown(fstest.MapFS{expectFile(m.Machines[0].Name): {Data: e.text()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| amd64-5.10 | 4KiB | 3 | Ah | - | ? |",
		"| amd64-5.10 | 15 keys, the lowest is 1 | ? |",
		" | yes | ? |\n", "| always, 2MiB |",
		"Nothing is known yet of: amd64-6.1.\n",
		"- " + m.Absent[0].What + ": ",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	// Tables whose rows have not as many cells as their heading are broken.
	cells := 0
	for line := range strings.Lines(got) {
		switch n := strings.Count(line, "|"); {
		case !strings.HasPrefix(line, "|"):
			cells = 0
		case cells == 0:
			cells = n
		case n != cells:
			t.Errorf("%d cells in %q, want %d", n-1, line, cells-1)
		}
	}
	if _, err := m.Markdown(fstest.MapFS{expectFile(m.Machines[0].Name): {Data: []byte("{")}}); err == nil {
		t.Error("a broken expectation makes a page")
	}
}

func TestInPage(t *testing.T) {
	page := "before\n" + pageBegin + "old\n" + pageEnd + "after\n"
	got, err := InPage(page, "new\n")
	if want := "before\n" + pageBegin + "\nnew\n\n" + pageEnd + "after\n"; err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	again, err := InPage(got, "new\n")
	if err != nil || again != got {
		t.Errorf("a second time: %q, %v", again, err)
	}
	for _, broken := range []string{"", pageBegin, pageEnd + pageBegin} {
		if _, err := InPage(broken, "new"); err == nil {
			t.Errorf("%q has no place for it", broken)
		}
	}
}

func TestUpdateDocs(t *testing.T) {
	root := t.TempDir()
	name := filepath.Join(root, filepath.FromSlash(Page))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(pageBegin+pageEnd), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := UpdateDocs(the(t), root); err != nil {
			t.Fatal(err)
		}
		page, err := os.ReadFile(name)
		if err != nil || !strings.Contains(string(page), "Nothing is known yet of: amd64-5.10") {
			t.Errorf("%s, %v", page, err)
		}
	}
	if err := UpdateDocs(the(t), t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
