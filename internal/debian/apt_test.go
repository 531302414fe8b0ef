package debian

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
	"testing"
)

func TestNetwork(t *testing.T) {
	got := network(`Acquire "";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::http::Proxy::mirror.example "DIRECT";
Acquire::IndexTargets::deb::DEP-11::MetaKey "x";
Acquire::Languages:: "none";
APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";
Dir::Cache "/elsewhere";
DPkg::Pre-Invoke:: "x";
`)
	want := `Acquire::http::Proxy "http://proxy.example:3128";
Acquire::http::Proxy::mirror.example "DIRECT";
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestEssence(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"W: Download is performed unsandboxed as root\nE: Failed to fetch http://m/x  404  Not Found [IP: 192.0.2.1 80]\nE: Download Failed\n": "Failed to fetch http://m/x 404 Not Found [IP: 192.0.2.1 80]",
		"E: Download Failed\n":                            "Download Failed",
		"W: An old thing\nnothing\n":                      "An old thing",
		"dpkg-deb: error: not a package\n":                "dpkg-deb: error: not a package",
		"E: Unable to locate package x\nE: And this\n":    "Unable to locate package x",
		"E: Some index files failed to download.\nE: A\n": "A",
	} {
		if got := essence(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestComplaint(t *testing.T) {
	ended := errors.New("exit status 100")
	for text, want := range map[string]error{
		"E: Failed to fetch http://m/x  404  Not Found [IP: 192.0.2.1 80]\n":          ErrGone,
		"E: Failed to fetch http://m/x  Hash Sum mismatch\n   Hashes of expected:\n":  ErrHash,
		"E: Failed to fetch x  Error writing - write (28: No space left on device)\n": syscall.ENOSPC,
		"": ended,
	} {
		if err := complaint("apt-get", text, ended); !errors.Is(err, want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %v", text, err, want)
		}
	}
	if err := complaint("apt-get", "E: Temporary failure resolving 'm'\n", ended); errors.Is(err, ErrGone) {
		t.Errorf("no network is no missing file: %v", err)
	}
}

func TestNewAptRefuses(t *testing.T) {
	needApt(t)
	for name, c := range map[string][3]string{
		"suite":  {"dir", "amd64", "sid main\ndeb http://n"},
		"arch":   {"dir", "amd64 trusted=yes", "sid"},
		"folder": {"a\"b", "amd64", "sid"},
	} {
		if _, err := newApt(t.Context(), t.TempDir()+"/"+c[0], Archive{Mirror: "http://m/x"}, c[1], []string{c[2]}); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
