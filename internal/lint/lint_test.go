package lint

import (
	"strings"
	"testing"
	"testing/fstest"
)

// rule is a house rule: it returns every place that breaks it.
type rule struct {
	name  string
	check func(*tree) []problem
	// broken are trees that break the rule; each key is part of what the rule
	// says about it. sound are trees that do not, though they come near.
	broken map[string]files
	sound  []files
}

// files is a small tree: path to content.
type files map[string]string

var rules = []rule{
	importRule,
	testgateRule,
	unsafeRule,
	cgoRule,
	moduleRule,
	dependencyRule,
	quietRule,
	unameRule,
	skipRule,
	docRule,
	generatedRule,
	formatRule,
	machineRule,
	openRule,
	readmeRule,
	linkRule,
}

func TestHouseRules(t *testing.T) {
	all := repository(t)
	if n := len(all.goFiles()); n < 50 {
		t.Fatalf("only %d Go files were found: this is not the repository", n)
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, p := range r.check(all) {
				t.Error(p)
			}
		})
	}
}

// Every rule finds what it is there to find.
func TestRulesCanFail(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			if len(r.broken) == 0 || len(r.sound) == 0 {
				t.Fatal("the rule has no tree that breaks it, or none that does not")
			}
			for want, tree := range r.broken {
				problems := r.check(plant(t, tree))
				if len(problems) != 1 || !strings.Contains(string(problems[0]), want) {
					t.Errorf("want one problem with %q, got %q", want, problems)
				}
			}
			for _, tree := range r.sound {
				if problems := r.check(plant(t, tree)); len(problems) != 0 {
					t.Errorf("%v is sound, but: %q", tree, problems)
				}
			}
		})
	}
}

// plant parses a small tree.
func plant(t *testing.T, tree files) *tree {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range tree {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	all, err := load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLoad(t *testing.T) {
	all := plant(t, files{
		"go.mod":            "module m\n",
		"a/a.go":            "package a\n",
		"a/testdata/bad.go": "not Go at all\n",
		"examples/go.mod":   "module m/examples\n",
		"examples/x/x.go":   "package x\n",
		".git/config":       "left out",
		".ci/run":           "#!/bin/sh\n",
		"bin/tool":          "left out",
		"a/a.test":          "left out",
		"a/.hidden/file.go": "left out",
	})
	got := map[string]string{}
	for _, f := range all.files {
		got[f.path] = f.module
	}
	want := map[string]string{"go.mod": ".", "a/a.go": ".", "a/testdata/bad.go": ".",
		"examples/go.mod": "examples", "examples/x/x.go": "examples", ".ci/run": "."}
	for p, module := range want {
		if got[p] != module {
			t.Errorf("%s: module %q, want %q", p, got[p], module)
		}
	}
	if len(got) != len(want) || len(all.goFiles()) != 2 {
		t.Errorf("read %v, want %v", got, want)
	}
}
