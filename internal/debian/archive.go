package debian

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Archive is where packages come from.
type Archive struct {
	// Mirror is the URL above dists and pool: http, https or file.
	Mirror string
	// Keyring is the file whose keys sign the archive; empty stands for those that
	// apt trusts anyway.
	Keyring string

	trusted bool // no signature is asked for: in tests alone
	direct  bool // without apt's helper, even if there is one
}

var (
	// ErrNoArchive says that the host's settings name no Debian archive.
	ErrNoArchive = errors.New("no Debian archive is known on this host: give -mirror URL, or -kernel FILE")
	// ErrGone says that the archive has no such file any more.
	ErrGone = errors.New("the mirror does not have it")
	// ErrHash says that something else came than was asked for.
	ErrHash = errors.New("wrong SHA-256")
)

// String is the mirror, without a password.
func (a Archive) String() string {
	u, err := url.Parse(a.Mirror)
	if err != nil {
		return a.Mirror
	}
	return u.Redacted()
}

// check refuses what cannot stand in a list of apt's sources.
func (a Archive) check() error {
	u, err := url.Parse(a.Mirror)
	switch {
	case err != nil:
		return fmt.Errorf("mirror %q: %w", a.Mirror, err)
	case strings.ContainsAny(a.Mirror, " \t\r\n[]\"'#"):
		return fmt.Errorf("mirror %q: a URL has no such characters", a.Mirror)
	case (u.Scheme == "http" || u.Scheme == "https") && u.Host != "":
	case u.Scheme == "file" && u.Host == "" && filepath.IsAbs(u.Path):
	default:
		return fmt.Errorf("mirror %q: want http://HOST/PATH, https://HOST/PATH or file:///PATH", a.Mirror)
	}
	if a.Keyring != "" && (!filepath.IsAbs(a.Keyring) || strings.ContainsAny(a.Keyring, " \t\r\n[]\"'#")) {
		return fmt.Errorf("keyring %q: want an absolute path without blanks", a.Keyring)
	}
	return nil
}

// source is the line of apt's sources for one suite and architecture.
func (a Archive) source(arch, suite string) string {
	options := "arch=" + arch
	if a.Keyring != "" {
		options += " signed-by=" + a.Keyring
	}
	if a.trusted {
		options += " trusted=yes"
	}
	return fmt.Sprintf("deb [%s] %s %s main\n", options, strings.TrimSuffix(a.Mirror, "/"), suite)
}

// file is the URL of a path in the archive.
func (a Archive) file(path string) string {
	return strings.TrimSuffix(a.Mirror, "/") + "/" + path
}
