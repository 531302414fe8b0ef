package lint

import (
	"go/ast"
	"path"
	"slices"
	"strconv"
)

// A skip has a name and can be forbidden, so it goes through testgate,
// and so does the question for -short. The rule looks at names, not at types:
// Skipf and SkipNow are fine only on an imported package, and so is Skip where it
// is called or taken from what tests call t, tb, b and f. (A field may be
// called Skip.)
var skipRule = rule{
	name: "only testgate skips",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			if f.under("testgate") || !f.isTest() && !slices.Contains(importNames(f), "testing") {
				continue
			}
			packages := importNames(f)
			called := map[ast.Expr]bool{}
			ast.Inspect(f.syntax, func(n ast.Node) bool {
				if c, ok := n.(*ast.CallExpr); ok {
					called[c.Fun] = true
				}
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				x, isName := s.X.(*ast.Ident)
				onPackage := isName && slices.Contains(packages, x.Name)
				switch s.Sel.Name {
				case "Skip", "Skipf", "SkipNow":
					field := s.Sel.Name == "Skip" && !called[s] && !(isName && slices.Contains([]string{"t", "tb", "b", "f"}, x.Name))
					if !onPackage && !field {
						bad = append(bad, t.at(s.Pos(), "%s: a skip goes through testgate", s.Sel.Name))
					}
				case "Short":
					if onPackage && x.Name == "testing" {
						bad = append(bad, t.at(s.Pos(), "testing.Short: ask testgate.NeedLong"))
					}
				}
				return true
			})
		}
		return bad
	},
	broken: map[string]files{
		"sys/a_test.go:3: Skip:":       {"sys/a_test.go": "package sys\n\nfunc TestA(t *testing.T) { t.Skip() }\n"},
		"Skipf:":                       {"sys/a_test.go": "package sys\n\nfunc helper(tb testing.TB) { tb.Skipf(\"x\") }\n"},
		"SkipNow:":                     {"sys/a_test.go": "package sys\n\nvar f = (*testing.T).SkipNow\n"},
		"sys/a_test.go:4: Skip:":       {"sys/a_test.go": "package sys\n\nfunc TestA(t *testing.T) {\n\tskip := t.Skip\n\tskip()\n}\n"},
		"testing.Short":                {"sys/a_test.go": "package sys\n\nimport \"testing\"\n\nvar s = testing.Short()\n"},
		"internal/help/a.go:5: Skip: ": {"internal/help/a.go": "package help\n\nimport \"testing\"\n\nfunc H(t testing.TB) { t.Skip() }\n"},
	},
	sound: []files{
		{"sys/a_test.go": "package sys\n\nimport \"" + modulePath + "/testgate\"\n\nfunc TestA(t *testing.T) { testgate.Skip(t, testgate.Pkey, \"\") }\n"},
		{"testgate/a.go": "package testgate\n\nimport \"testing\"\n\nfunc S(t testing.TB) { if testing.Short() { t.Skip() } }\n"},
		{"internal/kernelcall/a_test.go": "package kernelcall\n\nvar s = verdict.Skip\n"},
		{"highlevel/a.go": "package highlevel\n\nfunc f(r reader) { r.Skip() }\n"},
	},
}

// importNames are the names by which a file knows what it imports, as far as the
// paths tell.
func importNames(f *file) []string {
	var names []string
	for _, spec := range f.syntax.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		switch {
		case spec.Name != nil:
			names = append(names, spec.Name.Name)
		case err == nil:
			names = append(names, path.Base(p))
		}
	}
	return names
}
