package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// about is what the report says of the machine and of the programs.
func (m *machine) about() ([]pair, error) {
	out, err := exec.Command(filepath.Join(m.programs, "about")).Output()
	if err != nil {
		return nil, fmt.Errorf("about: %w", err)
	}
	pairs := []pair{{"goos", runtime.GOOS}, {"goarch", runtime.GOARCH}, {"pkg", "github.com/pageslot/pageslot/bench"}, {"cpu", processor()}}
	for line := range strings.Lines(string(out)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			pairs = append(pairs, pair{key, value})
		}
	}
	return append(pairs, pair{"go", runtime.Version()}, pair{"commit", commit()}, pair{"load", load()}), nil
}

// processor is its name, where the kernel tells it in the usual place.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for _, key := range []string{"model name", "cpu model", "cpu", "uarch", "Model Name"} {
		for line := range strings.Lines(string(text)) {
			name, value, ok := strings.Cut(line, ":")
			if ok && strings.TrimSpace(name) == key {
				return strings.TrimSpace(value)
			}
		}
	}
	return "unknown"
}

// load is how many others want the processors, at the start of the run.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// commit is what this program was built from, as far as the build or the working
// folder tells.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		var revision, modified string
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				revision = s.Value
			case "vcs.modified":
				modified = s.Value
			}
		}
		if revision != "" {
			return mark(revision, modified == "true")
		}
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil || !strings.HasPrefix(string(mod), "module github.com/pageslot/pageslot/bench\n") {
		return "unknown"
	}
	revision, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		return "unknown"
	}
	changes, err := exec.Command("git", "status", "--porcelain").Output()
	return mark(strings.TrimSpace(string(revision)), err != nil || len(changes) > 0)
}

func mark(revision string, modified bool) string {
	if modified {
		return revision + ", modified"
	}
	return revision
}
