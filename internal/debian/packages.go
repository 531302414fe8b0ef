package debian

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Package is one file of the archive.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Arch    string `json:"arch"`  // as Debian calls it: armhf, ppc64el
	Suite   string `json:"suite"` // that had it when it was written down
	// Later are suites to which its successors may move, the likeliest first.
	Later  []string `json:"later,omitempty"`
	Path   string   `json:"path"` // below the mirror's URL
	SHA256 string   `json:"sha256"`
	Size   int64    `json:"size"`
	// Pattern is a regular expression for the whole name of a package that may stand
	// in when the mirror does not have this one. Empty: none may.
	Pattern string `json:"pattern,omitempty"`
}

// String is the name and the version.
func (p Package) String() string { return p.Name + " " + p.Version }

func (p Package) check() error {
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != 32 || p.SHA256 != strings.ToLower(p.SHA256) {
		return fmt.Errorf("the SHA-256 of package %q is %q, not 64 small hexadecimal digits", p.Name, p.SHA256)
	}
	if p.Path == "" || path.Clean("/"+p.Path) != "/"+p.Path || strings.ContainsAny(p.Path, " \t\r\n?#%") {
		return fmt.Errorf("the path of package %q is %q, which is none below a mirror", p.Name, p.Path)
	}
	if _, err := p.names(); err != nil {
		return fmt.Errorf("the pattern of package %q: %w", p.Name, err)
	}
	return nil
}

// names is Pattern for the whole name.
func (p Package) names() (*regexp.Regexp, error) {
	return regexp.Compile(`^(?:` + p.Pattern + `)$`)
}

// newest reads an index of packages and returns the newest whose name fits; of
// several with one version, the first by name.
func newest(index io.Reader, fits func(name string) bool) (best Package, found bool, err error) {
	var p Package
	take := func() {
		if p.Name != "" && fits(p.Name) {
			c := compareVersions(p.Version, best.Version)
			if !found || c > 0 || c == 0 && p.Name < best.Name {
				best, found = p, true
			}
		}
		p = Package{}
	}
	lines := bufio.NewReader(index)
	for {
		line, err := lines.ReadString('\n')
		if text := strings.TrimRight(line, "\r\n"); text == "" {
			take()
		} else if text[0] != ' ' && text[0] != '\t' {
			key, value, _ := strings.Cut(text, ":")
			p.set(key, strings.TrimSpace(value))
		}
		if err == io.EOF {
			take()
			return best, found, nil
		}
		if err != nil {
			return Package{}, false, err
		}
	}
}

func (p *Package) set(key, value string) {
	switch key {
	case "Package":
		p.Name = value
	case "Version":
		p.Version = value
	case "Architecture":
		p.Arch = value
	case "Filename":
		p.Path = strings.TrimPrefix(value, "./")
	case "SHA256":
		p.SHA256 = value
	case "Size":
		p.Size, _ = strconv.ParseInt(value, 10, 64)
	}
}
