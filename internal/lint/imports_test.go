package lint

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// layers are the folders of the public packages, from the ground up. A package
// may import what is below it. Folders of one layer do not import each other.
var layers = [][]string{
	{"testgate"},
	{"sys"},
	{"uffd", "memfd", "pkey"},
	{"highlevel", "probe"},
	{"cmd", "examples", "bench"},
}

// layer is the layer of a folder of the module, from its first element.
func layer(dir string) (int, bool) {
	top, _, _ := strings.Cut(dir, "/")
	i := slices.IndexFunc(layers, func(l []string) bool { return slices.Contains(l, top) })
	return i, i >= 0
}

func isInternal(dir string) bool { return strings.HasPrefix(dir, "internal/") }
func isGen(dir string) bool      { return dir == "gen" || strings.HasPrefix(dir, "gen/") }

// folder is the folder of this module that an import path means.
func folder(importPath string) (string, bool) {
	dir, ok := strings.CutPrefix(importPath, modulePath)
	if !ok || dir != "" && dir[0] != '/' {
		return "", false
	}
	return path.Join(".", dir), true
}

// Imports point one way: cmd, examples -> highlevel -> uffd, memfd, pkey -> sys.
// Internal packages stand beside the layers: what they import counts as imported
// by whoever imports them. gen makes sys from headers, so it uses none of the
// layers, and only tests use it. Tests may also reach within their own layer.
var importRule = rule{
	name: "imports point one way",
	check: func(t *tree) (bad []problem) {
		direct := directImports(t)
		for _, f := range t.goFiles() {
			from, known := layer(f.dir())
			if !known && !isInternal(f.dir()) && !isGen(f.dir()) {
				bad = append(bad, in(f.path, "the folder %s is in none of the layers", f.dir()))
				continue
			}
			for p, pos := range f.imports {
				target, ok := folder(p)
				if !ok {
					continue
				}
				if isGen(target) && !isGen(f.dir()) && !f.isTest() {
					bad = append(bad, t.at(pos, "only tests import %s", target))
				}
				if isInternal(target) && !f.inRoot() {
					bad = append(bad, t.at(pos, "%s is for the root module alone", target))
				}
				for _, reached := range reach(direct, target) {
					to, known := layer(reached)
					same := known && strings.Split(reached, "/")[0] == strings.Split(f.dir(), "/")[0]
					via := ""
					if reached != target {
						via = " through " + target
					}
					switch {
					case isInternal(f.dir()), same:
					case !known && !isGen(reached):
						bad = append(bad, t.at(pos, "%s imports %s%s, which is in none of the layers", f.dir(), reached, via))
					case isGen(f.dir()) && known && !f.isTest():
						bad = append(bad, t.at(pos, "gen imports %s%s: it stands below all layers", reached, via))
					case isGen(f.dir()), isGen(reached):
					case to > from, to == from && !f.isTest():
						bad = append(bad, t.at(pos, "%s imports %s%s: imports point down", f.dir(), reached, via))
					}
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"sys imports memfd":                        {"sys/a.go": source("sys", modulePath+"/memfd")},
		"memfd imports uffd: imports":              {"memfd/a.go": source("memfd", modulePath+"/uffd")},
		"pkey imports highlevel":                   {"pkey/a.go": source("pkey", modulePath+"/highlevel")},
		"highlevel imports cmd/pageslot":           {"highlevel/a.go": source("highlevel", modulePath+"/cmd/pageslot")},
		"memfd imports pkey through internal/some": {"memfd/a.go": source("memfd", modulePath+"/internal/some"), "internal/some/a.go": source("some", modulePath+"/internal/more"), "internal/more/a.go": source("more", modulePath+"/pkey")},
		"only tests import gen":                    {"cmd/x/a.go": source("main", modulePath+"/gen")},
		"gen imports sys":                          {"gen/a.go": source("main", modulePath+"/sys")},
		"the folder extra is in none":              {"extra/a.go": source("extra")},
		"the folder . is in none":                  {"a.go": source("pageslot")},
		"imports extra, which is in none":          {"cmd/x/a.go": source("main", modulePath+"/extra")},
		"sys imports uffd":                         {"sys/a_test.go": source("sys_test", modulePath+"/uffd")},
		"internal/some is for the root module":     {"examples/go.mod": "", "examples/x/a.go": source("main", modulePath+"/internal/some")},
	},
	sound: []files{
		{"cmd/x/a.go": source("main", modulePath+"/highlevel", modulePath+"/sys", modulePath+"/internal/some"), "internal/some/a.go": source("some", modulePath+"/uffd")},
		{"cmd/x/a.go": source("main", modulePath+"/probe"), "probe/a.go": source("probe", modulePath+"/uffd", modulePath+"/sys")},
		{"highlevel/a.go": source("highlevel", modulePath+"/memfd", modulePath+"/pkey", modulePath+"/internal/kernelcall"), "internal/kernelcall/a.go": source("kernelcall", modulePath+"/sys")},
		{"memfd/a_test.go": source("memfd_test", modulePath+"/uffd", modulePath+"/testgate")},
		{"sys/a_test.go": source("sys_test", modulePath+"/gen")},
		{"memfd/a.go": source("memfd", modulePath+"ish/highlevel", "os")},
		{"gen/a_test.go": source("main", modulePath+"/sys"), "gen/b.go": source("main", modulePath+"/gen/facts")},
		{"highlevel/a.go": source("highlevel", modulePath+"/highlevel/plan")},
	},
}

// directImports maps every folder to the folders of this module that its files,
// tests apart, import.
func directImports(t *tree) map[string][]string {
	direct := map[string][]string{}
	for _, f := range t.goFiles() {
		if f.isTest() {
			continue
		}
		for p := range f.imports {
			if dir, ok := folder(p); ok {
				direct[f.dir()] = append(direct[f.dir()], dir)
			}
		}
	}
	return direct
}

// reach is what importing dir means: dir itself or, for an internal package,
// what it imports, and what that means.
func reach(direct map[string][]string, dir string) []string {
	seen, found := map[string]bool{}, map[string]bool{}
	var visit func(string)
	visit = func(dir string) {
		if !isInternal(dir) {
			found[dir] = true
			return
		}
		if seen[dir] {
			return
		}
		seen[dir] = true
		for _, next := range direct[dir] {
			visit(next)
		}
	}
	visit(dir)
	return slices.Sorted(maps.Keys(found))
}

var testgateRule = rule{
	name: "testgate is for tests",
	check: func(t *tree) (bad []problem) {
		for _, f := range t.goFiles() {
			for p, pos := range f.imports {
				if p == modulePath+"/testgate" && !f.isTest() {
					bad = append(bad, t.at(pos, "only _test.go files import testgate"))
				}
			}
		}
		return bad
	},
	broken: map[string]files{
		"sys/a.go:3: only _test.go": {"sys/a.go": source("sys", modulePath+"/testgate")},
	},
	sound: []files{
		{"sys/a_test.go": source("sys", modulePath+"/testgate")},
	},
}

// source is a Go file of package name that imports the given paths.
func source(name string, imports ...string) string {
	var b strings.Builder
	b.WriteString("package " + name + "\n\n")
	for _, p := range imports {
		b.WriteString("import _ \"" + p + "\"\n")
	}
	return b.String()
}
