package debian

import (
	"context"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
)

// keyring is where the package debian-archive-keyring has the keys.
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Host returns the archive that the host's own apt uses for its release. apt need
// never have been run. On a host that is not Debian, or has no apt, the error is
// ErrNoArchive.
func Host(ctx context.Context) (Archive, error) {
	release, err := os.ReadFile("/etc/os-release")
	id, codename := osRelease(string(release))
	if err != nil || id != "debian" {
		return Archive{}, fmt.Errorf("debian: %w", ErrNoArchive)
	}
	if _, err := tool("apt-get"); err != nil {
		return Archive{}, fmt.Errorf("debian: %w (%w)", ErrNoArchive, err)
	}
	// Not indextargets: that knows nothing before the first update.
	out, err := run(ctx, nil, "apt-get", "update", "--print-uris", "-o", "Debug::NoLocking=1")
	if ctx.Err() != nil {
		return Archive{}, fmt.Errorf("debian: look for the host's archive: %w", context.Cause(ctx))
	}
	if err != nil {
		return Archive{}, fmt.Errorf("debian: %w (%w)", ErrNoArchive, err)
	}
	mirror := chooseMirror(printedURIs(string(out)), codename)
	if list, ok := strings.CutPrefix(mirror, "mirror+file:"); ok {
		text, _ := os.ReadFile(path.Join("/", list))
		mirror = firstMirror(string(text))
	}
	a := HostKeyring(mirror)
	if err := a.check(); mirror == "" || err != nil {
		return Archive{}, fmt.Errorf("debian: %w", ErrNoArchive)
	}
	return a, nil
}

// HostKeyring is the archive at a mirror that the user names, with the host's copy
// of Debian's keys if there is one.
func HostKeyring(mirror string) Archive {
	a := Archive{Mirror: mirror}
	if _, err := os.Stat(keyring); err == nil {
		a.Keyring = keyring
	}
	return a
}

// osRelease returns ID and VERSION_CODENAME of /etc/os-release.
func osRelease(text string) (id, codename string) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = value
		case "VERSION_CODENAME":
			codename = value
		}
	}
	return id, codename
}

// printedURIs returns the URIs that apt-get --print-uris shows, each in quotes at
// the beginning of its line.
func printedURIs(text string) (uris []string) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, "'"); ok {
			if uri, _, ok := strings.Cut(rest, "'"); ok {
				uris = append(uris, uri)
			}
		}
	}
	return uris
}

// chooseMirror finds the archive that has the host's release among the URIs of the
// files that an update would fetch. Others use Debian's codenames too, so the
// archive also has a component "main", and one whose path ends in "debian" comes
// first. A wrong choice is found out by the signature.
func chooseMirror(uris []string, codename string) string {
	suites := []string{"stable", "oldstable", "oldoldstable", "testing", "unstable", "sid"}
	if codename != "" {
		suites = slices.Insert(suites, 0, codename)
	}
	best, rank := "", 0
	for _, uri := range uris {
		base, rest, ok := strings.Cut(strings.TrimSuffix(uri, "/InRelease"), "/dists/")
		i := slices.Index(suites, rest)
		if !ok || i < 0 || rest == uri {
			continue
		}
		main := slices.ContainsFunc(uris, func(u string) bool {
			return strings.HasPrefix(u, base+"/dists/"+rest+"/main/binary-")
		})
		r := len(suites) - i
		if path.Base(base) == "debian" {
			r += 100
		}
		// A list of mirrors may have any name.
		if strings.HasPrefix(base, "mirror+file:") {
			r += 50
		}
		if main && r > rank {
			best, rank = base, r
		}
	}
	return best
}

// firstMirror is the first of a list of mirrors: a URL, a tab, what it is for.
func firstMirror(list string) string {
	for line := range strings.Lines(list) {
		if f := strings.Fields(line); len(f) > 0 && strings.HasPrefix(f[0], "http") {
			return f[0]
		}
	}
	return ""
}
