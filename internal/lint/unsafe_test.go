package lint

import (
	"regexp"
	"strings"
)

// unsafeName is a file in which unsafe may stand: a generated one, or one whose
// name says so. "_unsafe" goes before the names of systems and processors, which
// go build would not see otherwise.
var unsafeName = regexp.MustCompile(`^z\w*\.go$|_unsafe(_\w+)?\.go$`)

var unsafeRule = rule{
	name: "unsafe and linkname have their own files",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			if unsafeName.MatchString(f.base()) {
				continue
			}
			for p, pos := range f.imports {
				if p == "unsafe" {
					bad = append(bad, t.at(pos, "unsafe belongs in a file named *_unsafe*.go"))
				}
			}
			for _, group := range f.syntax.Comments {
				for _, c := range group.List {
					if strings.HasPrefix(c.Text, "//go:linkname") {
						bad = append(bad, t.at(c.Pos(), "go:linkname belongs in a file named *_unsafe*.go"))
					}
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"sys/call_linux.go:3: unsafe":         {"sys/call_linux.go": source("sys", "unsafe")},
		"sys/a_test.go:3: unsafe":             {"sys/a_test.go": source("sys", "unsafe")},
		"sys/unsafe.go:3: unsafe":             {"sys/unsafe.go": source("sys", "unsafe")},
		"examples/x/a.go:3: unsafe":           {"examples/go.mod": "", "examples/x/a.go": source("main", "unsafe")},
		"uffd/a.go:3: go:linkname belongs in": {"uffd/a.go": "package uffd\n\n//go:linkname a runtime.a\nfunc a()\n"},
	},
	sound: []files{
		{"sys/ztypes_linux.go": source("sys", "unsafe"), "sys/call_unsafe_linux.go": source("sys", "unsafe"), "sys/other_unsafe.go": source("sys", "unsafe"), "sys/a_unsafe_test.go": source("sys", "unsafe")},
		{"sys/a.go": "package sys\n\n// The word go:linkname, and \"unsafe\", in prose.\n"},
	},
}

var cgoRule = rule{
	name: "no cgo",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			for p, pos := range f.imports {
				if p == "C" || p == "runtime/cgo" {
					bad = append(bad, t.at(pos, "cgo is not used in this repository"))
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"sys/a.go:3: cgo":   {"sys/a.go": "package sys\n\nimport \"C\"\n"},
		"memfd/z.go:3: cgo": {"memfd/z.go": source("memfd", "runtime/cgo")},
		"sys/a_test.go:4:":  {"sys/a_test.go": "package sys\n\nimport (\n\t\"C\"\n)\n"},
	},
	sound: []files{{"sys/a.go": source("sys", "os")}},
}
