package lint

import (
	"regexp"
	"slices"
	"strings"
)

const (
	xsys  = "golang.org/x/sys"
	gocmp = "github.com/google/go-cmp"
)

// The root go.mod is small enough to be read line by line: the module, the Go
// version, and a version of each of the two dependencies; nothing replaced,
// excluded or pinned otherwise.
var moduleRule = rule{
	name: "two dependencies",
	check: func(t *tree) (bad []problem) {
		i := slices.IndexFunc(t.files, func(f *file) bool { return f.path == "go.mod" })
		if i < 0 {
			return []problem{in("go.mod", "it is missing")}
		}
		required, version := requirements(string(t.files[i].src), &bad)
		if version != "1.26" {
			bad = append(bad, in("go.mod", "the Go version is %q, want 1.26", version))
		}
		for _, r := range required {
			if r != xsys && r != gocmp {
				bad = append(bad, in("go.mod", "%s is required; only %s and %s may be", r, xsys, gocmp))
			}
		}
		return bad
	},
	broken: map[string]files{
		"it is missing":            {"sys/a.go": source("sys")},
		"example.com/x is require": {"go.mod": goMod + "\nrequire example.com/x v1.0.0\n"},
		"example.com/y is require": {"go.mod": "module m\n\ngo 1.26\n\nrequire (\n\texample.com/y v1.0.0 // indirect\n)\n"},
		"replace":                  {"go.mod": goMod + "replace golang.org/x/sys => ../sys\n"},
		"toolchain":                {"go.mod": goMod + "toolchain go1.26.3\n"},
		"the Go version":           {"go.mod": "module m\n\ngo 1.25\n"},
	},
	sound: []files{
		{"go.mod": goMod, "examples/go.mod": "module x\n\ngo 1.26\n\nrequire example.com/x v1.0.0\n"},
	},
}

const goMod = "module m // comment\n\ngo 1.26\n\nrequire (\n\tgithub.com/google/go-cmp v0.7.0\n\tgolang.org/x/sys v0.47.0\n)\n"

var requireLine = regexp.MustCompile(`^(\S+) v\S+$`)

// requirements returns the required modules and the Go version of a go.mod, and
// adds what else it holds to bad.
func requirements(text string, bad *[]problem) (required []string, version string) {
	block := false
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "//")
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "", verb == "module" && !block:
		case verb == "go" && !block:
			version = rest
		case line == "require (" && !block:
			block = true
		case line == ")" && block:
			block = false
		default:
			if !block && verb != "require" {
				*bad = append(*bad, in("go.mod", "%q has no place here", line))
				continue
			}
			m := requireLine.FindStringSubmatch(strings.TrimPrefix(line, "require "))
			if m == nil {
				*bad = append(*bad, in("go.mod", "%q is not a requirement", line))
				continue
			}
			required = append(required, m[1])
		}
	}
	return required, version
}

// What is imported is as small as what is required: the standard library, this
// module, x/sys, and in tests go-cmp. The modules of examples and benchmarks
// have what they compare with.
var dependencyRule = rule{
	name: "dependencies are used where they belong",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			if !f.inRoot() {
				continue
			}
			for p, pos := range f.imports {
				switch {
				case !strings.Contains(strings.Split(p, "/")[0], "."): // the standard library
				case within(p, modulePath), within(p, xsys):
				case within(p, gocmp) && f.isTest():
				case within(p, gocmp):
					bad = append(bad, t.at(pos, "go-cmp is for tests"))
				default:
					bad = append(bad, t.at(pos, "%s is not one of the two dependencies", p))
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"go-cmp is for tests":             {"sys/a.go": source("sys", gocmp+"/cmp")},
		"example.com/x is not":            {"sys/a_test.go": source("sys", "example.com/x")},
		"golang.org/x/system is not":      {"sys/a.go": source("sys", "golang.org/x/system")},
		"github.com/google/go-cmpish is ": {"sys/a_test.go": source("sys", gocmp+"ish")},
	},
	sound: []files{
		{"sys/a.go": source("sys", xsys+"/unix", "go/ast", modulePath+"/memfd"), "sys/a_test.go": source("sys", gocmp+"/cmp/cmpopts")},
		{"bench/go.mod": "", "bench/a.go": source("main", "example.com/x")},
	},
}

// within reports whether the import path p is in the module.
func within(p, module string) bool { return p == module || strings.HasPrefix(p, module+"/") }
