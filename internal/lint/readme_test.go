package lint

import (
	"go/ast"
	"path"
	"regexp"
	"strings"
)

var goBlock = regexp.MustCompile("(?s)```go\n(.*?)```")

// What a newcomer copies first has to compile and run, so a test runs it.
var readmeRule = rule{
	name: "the README's example is a test's",
	check: func(t *tree) (bad []problem) {
		var shown string
		for _, f := range t.files {
			if f.path == "README.md" {
				if m := goBlock.FindStringSubmatch(string(f.src)); m != nil {
					shown = strings.TrimSpace(m[1])
				}
			}
		}
		if shown == "" {
			return []problem{in("README.md", "it has no block of Go code")}
		}
		for _, f := range t.goFiles() {
			for _, d := range f.syntax.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if ok && f.isTest() && strings.HasPrefix(fn.Name.Name, "Example") && exampleBody(t, f, fn) == shown {
					return nil
				}
			}
		}
		return []problem{in("README.md", "its first block of Go code is not the body of an example in a test")}
	},
	broken: map[string]files{
		"README.md: it has no block":         {"README.md": "# a\n\n```\ngo test\n```\n"},
		"README.md: its first block of Go c": {"README.md": "```go\nf(1)\n```\n", "sys/a_test.go": "package sys\n\nfunc Example() {\n\tf(2)\n\t// Output: 2\n}\n"},
	},
	sound: []files{
		{"README.md": "# a\n\n```go\nfor {\n\tf(1)\n}\n```\n\n```go\ng()\n```\n", "sys/a_test.go": "package sys\n\nfunc Example() {\n\tfor {\n\t\tf(1)\n\t}\n\t// Output:\n\t// 1\n}\n"},
	},
}

// exampleBody is a function's body as documentation shows it: one tab less, and
// without the output.
func exampleBody(t *tree, f *file, fn *ast.FuncDecl) string {
	begin, end := t.fset.Position(fn.Body.Lbrace).Offset, t.fset.Position(fn.Body.Rbrace).Offset
	body, _, _ := strings.Cut(string(f.src[begin+1:end]), "\t// Output:")
	return strings.TrimSpace(strings.ReplaceAll(body, "\n\t", "\n"))
}

var (
	mdLink   = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
	goTool   = regexp.MustCompile(`\bgo (run|test|build|vet|generate|install)\b`)
	goFolder = regexp.MustCompile(`(?:^|\s)\./([\w./-]*)`)
)

// Files that documents point to, and packages in the commands that they show.
var linkRule = rule{
	name: "links and commands in documents lead somewhere",
	check: func(t *tree) (bad []problem) {
		exists := map[string]bool{".": true}
		for _, f := range t.files {
			for p := f.path; p != "."; p = path.Dir(p) {
				exists[p] = true
			}
		}
		for _, f := range t.files {
			if path.Ext(f.path) != ".md" {
				continue
			}
			for line := range strings.Lines(string(f.src)) {
				for _, m := range mdLink.FindAllStringSubmatch(line, -1) {
					if !strings.Contains(m[1], "://") && !exists[path.Join(f.dir(), m[1])] {
						bad = append(bad, in(f.path, "there is no %s to link to", m[1]))
					}
				}
				if !goTool.MatchString(line) {
					continue
				}
				for _, m := range goFolder.FindAllStringSubmatch(line, -1) {
					if dir := path.Clean(strings.TrimSuffix(m[1], "...")); !exists[dir] {
						bad = append(bad, in(f.path, "there is no folder %s for the go command", dir))
					}
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"docs/a.md: there is no ../b.md":       {"docs/a.md": "see [b](../b.md)\n"},
		"a.md: there is no b.md":               {"a.md": "see [b](b.md#part) and [c](c.md)\n", "c.md": ""},
		"README.md: there is no folder cmd/no": {"README.md": "    go run ./cmd/no -json\n"},
	},
	sound: []files{
		{"README.md": "[a](docs/a.md), [docs](docs), [x](https://example.org/x), [here](#part)\n\n    go test ./... ./docs\n    cp ./no\n", "docs/a.md": "[up](../README.md)\n"},
	},
}
