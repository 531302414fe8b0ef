package lint

import (
	"go/ast"
	"go/token"
	"strings"
)

// A library does nothing before it is called, and what it has to say it returns.
var quietRule = rule{
	name: "libraries neither log nor have init functions",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			if top, ok := layer(f.dir()); f.isTest() || isGen(f.dir()) || ok && top == len(layers)-1 {
				continue
			}
			for p, pos := range f.imports {
				if p == "log" || p == "log/slog" {
					bad = append(bad, t.at(pos, "a library returns what it has to say, it does not log"))
				}
			}
			for _, d := range f.syntax.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
					bad = append(bad, t.at(fn.Pos(), "a library does nothing before it is called: no init function"))
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"memfd/a.go:3: a library ret": {"memfd/a.go": source("memfd", "log")},
		"probe/a.go:3: a library":     {"probe/a.go": source("probe", "log/slog")},
		"no init function":            {"highlevel/a.go": "package highlevel\n\nfunc init() {}\n"},
	},
	sound: []files{
		{"cmd/x/a.go": "package main\n\nimport _ \"log\"\n\nfunc init() {}\n", "sys/a_test.go": source("sys", "log")},
		{"pkey/a.go": "package pkey\n\ntype t int\n\nfunc (t) init() {}\n"},
	},
}

// The kernel is asked for what it does, not for its name: distributions move
// features between versions.
var unameRule = rule{
	name: "nobody asks uname",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			if f.dir() == "internal/lint" {
				continue // it has to name what it looks for
			}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					if n.Sel.Name == "Uname" || n.Sel.Name == "SYS_UNAME" {
						bad = append(bad, t.at(n.Pos(), "%s: probe with the real call instead", n.Sel.Name))
					}
				case *ast.BasicLit:
					if n.Kind == token.STRING && (n.Value == `"uname"` || strings.Contains(n.Value, "kernel/osrelease") || strings.Contains(n.Value, "/proc/version")) {
						bad = append(bad, t.at(n.Pos(), "%s: probe with the real call instead", n.Value))
					}
				}
				return true
			})
		}
		return bad
	},
	broken: map[string]files{
		"sys/a.go:5: Uname":              {"sys/a.go": "package sys\n\nimport \"golang.org/x/sys/unix\"\n\nvar e = unix.Uname(nil)\n"},
		"sys/a_test.go:3: SYS_UNAME":     {"sys/a_test.go": "package sys\n\nvar n = unix.SYS_UNAME\n"},
		`"/proc/sys/kernel/osrelease": `: {"uffd/a.go": "package uffd\n\nconst f = \"/proc/sys/kernel/osrelease\"\n"},
		"`/proc/version`: ":              {"uffd/a.go": "package uffd\n\nconst f = `/proc/version`\n"},
		`"uname": `:                      {"cmd/x/a.go": "package main\n\nvar c = exec.Command(\"uname\", \"-r\")\n"},
	},
	sound: []files{{"sys/a.go": "package sys\n\n// Never uname.\nconst s = \"never uname\"\n"}},
}
