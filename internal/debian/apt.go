package debian

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// apt is one that keeps its state in a folder of its own.
type apt struct {
	dir string
	env []string
}

// suiteName is what may stand for a suite or an architecture in apt's sources.
var suiteName = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*$`)

// newApt writes settings into dir: nothing is installed, these suites alone. Of
// the host's settings it takes how to reach the network.
func newApt(ctx context.Context, dir string, a Archive, arch string, suites []string) (*apt, error) {
	p := &apt{dir: dir, env: []string{"APT_CONFIG=" + filepath.Join(dir, "apt.conf"), "TMPDIR=" + filepath.Join(dir, "tmp")}}
	if strings.ContainsAny(dir, "\"\n;{}") {
		return nil, fmt.Errorf("the path %q cannot stand in apt's settings", dir)
	}
	dump, err := run(ctx, nil, "apt-config", "dump", "--format", `%F "%v";%n`)
	if err != nil {
		return nil, err
	}
	var sources strings.Builder
	for _, s := range append([]string{arch}, suites...) {
		if !suiteName.MatchString(s) {
			return nil, fmt.Errorf("%q is no name of a suite or an architecture", s)
		}
	}
	for _, s := range suites {
		sources.WriteString(a.source(arch, s))
	}
	for _, d := range []string{"lists/partial", "cache/archives/partial", "tmp", "log"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	for name, text := range map[string]string{
		"sources.list": sources.String(),
		"status":       "",
		"apt.conf":     network(string(dump)) + settings(dir, arch),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// network keeps of the host's settings those about the network: proxies and the
// like. Hooks must not run, and what else is fetched with an index is not wanted.
func network(dump string) string {
	var b strings.Builder
	for line := range strings.Lines(dump) {
		rest, ok := strings.CutPrefix(line, "Acquire::")
		if !ok || strings.HasPrefix(rest, "IndexTargets") || strings.HasPrefix(rest, "Languages") ||
			strings.HasPrefix(rest, "CompressionTypes") || strings.HasPrefix(rest, "Changelogs") {
			continue
		}
		// A group without a value of its own.
		if strings.HasSuffix(line, " \"\";\n") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

// settings are read after the host's and stand in place of its files: those would
// be read later, and win.
func settings(dir, arch string) string {
	return fmt.Sprintf(`Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "%[1]s";
Dir::State::lists "%[1]s/lists";
Dir::State::status "%[1]s/status";
Dir::Cache "%[1]s/cache";
Dir::Log "%[1]s/log";
Acquire::Languages "none";
Acquire::AllowInsecureRepositories "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
APT::Sandbox::User "";
APT::Architecture "%[2]s";
APT::Architectures { "%[2]s"; };
APT::Install-Recommends "false";
APT::Update::Error-Mode "any";
Debug::NoLocking "true";
`, dir, arch)
}

// run runs apt's program with these settings.
func (p *apt) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	return run(ctx, p.env, name, args...)
}

// update fetches the indexes and checks their signatures.
func (p *apt) update(ctx context.Context) error {
	_, err := p.run(ctx, "apt-get", "update", "-qq")
	return err
}

// indexes returns the files of packages that update fetched.
func (p *apt) indexes(ctx context.Context) ([]string, error) {
	out, err := p.run(ctx, "apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages")
	return strings.Fields(string(out)), err
}
