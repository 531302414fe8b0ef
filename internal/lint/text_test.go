package lint

import (
	"fmt"
	"regexp"
	"strings"
)

// slash keeps the patterns and the trees below from being what they look for.
const slash = "/"

// machinePath is a path that exists only where somebody wrote the code, or a host
// that a package manager's own settings should name.
var machinePath = regexp.MustCompile(strings.Join([]string{
	`(^|[^\w.*])` + slash + `(home|root|Users)` + slash,
	`\b(proxy|sum)\.golang` + `\.org\b`,
	`\b(deb|ftp|snapshot|security)\.debian` + `\.org\b`,
	`\b(archive|security)\.ubuntu` + `\.com\b`,
	`\b(docker|ghcr|quay|gcr)` + `\.io\b`,
	`\b(registry|index)\.[\w.]+\.(org|com|io|net)\b`,
}, "|"))

var machineRule = rule{
	name: "no trace of a machine",
	check: func(t *tree) (bad []problem) {
		return matches(t, machinePath, func(f *file) bool { return true },
			"a path or host of one machine, or of a registry")
	},
	broken: map[string]files{
		"README.md:2: a path":  {"README.md": "one\nsee " + slash + "Users" + slash + "me\n"},
		"sys/a.go:3: a path":   {"sys/a.go": "package sys\n\nconst p = \"" + slash + "home" + slash + "x\"\n"},
		".ci/run:1: a path":    {".ci/run": "cat " + slash + "root" + slash + "notes\n"},
		"docs/a.md:1: a path":  {"docs/a.md": "GOPROXY=https://proxy.golang" + ".org\n"},
		"gen/fetch:1: a path":  {"gen/fetch": "deb http://deb.debian" + ".org/debian sid main\n"},
		"Dockerfile:1: a path": {"Dockerfile": "FROM registry.example" + ".com/go\n"},
		"testdata/a:1: a path": {"testdata/a": slash + "root" + slash + ".cache\n"},
	},
	sound: []files{
		{"README.md": "https://example.org/home/page, $HOME/x, ./home/x, golang.org/x/sys, /dev/userfaultfd, /tmp/x\n"},
		{"image": "\x00" + slash + "home" + slash},
	},
}

// openWord is a mark of something unfinished.
var openWord = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|(?i:not (yet )?implemen` + `ted|unimplemen` + `ted)`)

var openRule = rule{
	name: "nothing is left open",
	check: func(t *tree) (bad []problem) {
		return matches(t, openWord, func(f *file) bool { return f.syntax != nil || strings.HasSuffix(f.path, ".s") },
			"finish it, or say in an issue why not")
	},
	broken: map[string]files{
		"sys/a.go:3: finish":   {"sys/a.go": "package sys\n\n// TO" + "DO: the rest\n"},
		"sys/a.s:1: finish":    {"sys/a.s": "// FIX" + "ME\n"},
		"sys/a.go:3: finish i": {"sys/a.go": "package sys\n\nvar e = errors.New(\"not implemen" + "ted\")\n"},
	},
	sound: []files{{"sys/a.go": "package sys\n\n// Everything that is to do is done.\n", "a.txt": "TO" + "DO\n"}},
}

// matches reports the lines of chosen text files that match pattern.
func matches(t *tree, pattern *regexp.Regexp, chosen func(*file) bool, what string) (bad []problem) {
	for _, f := range t.files {
		if f.isBinary() || !chosen(f) {
			continue
		}
		n := 0
		for line := range strings.Lines(string(f.src)) {
			n++
			if m := pattern.FindString(line); m != "" {
				bad = append(bad, problem(fmt.Sprintf("%s:%d: %s: %q", f.path, n, what, m)))
			}
		}
	}
	return bad
}
