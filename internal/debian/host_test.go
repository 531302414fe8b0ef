package debian

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestOSRelease(t *testing.T) {
	for text, want := range map[string][2]string{
		"PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n": {"debian", "bookworm"},
		"ID=\"ubuntu\"\nID_LIKE=debian\nVERSION_CODENAME='noble'":                                {"ubuntu", "noble"},
		"": {},
	} {
		if id, codename := osRelease(text); id != want[0] || codename != want[1] {
			t.Errorf("%q: got %s, %s", text, id, codename)
		}
	}
}

func TestChooseMirror(t *testing.T) {
	release := func(base, suite string, components ...string) []string {
		uris := []string{base + "/dists/" + suite + "/InRelease"}
		for _, c := range components {
			uris = append(uris, base+"/dists/"+suite+"/"+c+"/binary-amd64/Packages.xz")
		}
		return uris
	}
	join := func(all ...[]string) (uris []string) {
		for _, a := range all {
			uris = append(uris, a...)
		}
		return uris
	}
	security := release("http://m/debian-security", "bookworm-security", "main")
	debian := release("http://m/debian", "bookworm", "main")
	for name, c := range map[string]struct {
		uris []string
		want string
	}{
		"plain":               {join(security, debian, release("http://m/debian", "bookworm-updates", "main")), "http://m/debian"},
		"a mirror of no name": {join(security, release("http://m/pub/os", "bookworm", "main")), "http://m/pub/os"},
		"by the suite":        {release("http://m/debian", "stable", "main"), "http://m/debian"},
		"one that is alike":   {join(release("https://x/debian/12/prod", "bookworm", "main"), debian), "http://m/debian"},
		"no main":             {join(release("https://x/linux/debian", "bookworm", "stable"), debian), "http://m/debian"},
		"a list":              {release("mirror+file:/etc/apt/mirrors/debian.list", "bookworm", "main"), "mirror+file:/etc/apt/mirrors/debian.list"},
		"a list of another":   {join(release("mirror+file:/etc/apt/mirrors/security.list", "bookworm-security", "main"), debian), "http://m/debian"},
		"security alone":      {security, ""},
		"nothing":             {nil, ""},
	} {
		if got := chooseMirror(c.uris, "bookworm"); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestPrintedURIs(t *testing.T) {
	got := printedURIs("Reading lists...\n'http://m/a b' name 0 \n'file:/x' y 3 SHA256:1\n'broken\n")
	if len(got) != 2 || got[0] != "http://m/a b" || got[1] != "file:/x" {
		t.Errorf("got %q", got)
	}
}

func TestFirstMirror(t *testing.T) {
	if got := firstMirror("# comment\n\nhttps://m/debian\tpriority:1\nhttp://n/debian\n"); got != "https://m/debian" {
		t.Errorf("got %q", got)
	}
	if got := firstMirror("nothing"); got != "" {
		t.Errorf("got %q", got)
	}
}

// The host either is Debian and has an archive, or the error names the flag.
func TestHost(t *testing.T) {
	a, err := Host(t.Context())
	text, _ := os.ReadFile("/etc/os-release")
	id, _ := osRelease(string(text))
	if err != nil {
		if !errors.Is(err, ErrNoArchive) || !strings.Contains(err.Error(), "-mirror") || strings.Contains(err.Error(), "\n") {
			t.Errorf("the error does not help: %v", err)
		}
		if id == "debian" {
			needApt(t)
			t.Logf("this Debian has no archive: %v", err)
		}
		return
	}
	if err := a.check(); err != nil || id != "debian" {
		t.Errorf("got %v on %q (%v)", a, id, err)
	}
}

func TestHostWithoutApt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Host(t.Context()); !errors.Is(err, ErrNoArchive) {
		t.Errorf("got %v", err)
	}
}
