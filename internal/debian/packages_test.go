package debian

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
)

const index = `Package: linux-image-6.1.0-9-x
Architecture: amd64
Version: 6.1.20-1
Description: a kernel
 Version: 99
Filename: pool/a.deb
Size: 12
SHA256: aa

Package: linux-image-6.1.0-10-x
Version: 6.1.100-1
Architecture: amd64
Filename: ./pool/b.deb
Size: 34
SHA256: bb

Package: linux-image-6.1.0-10-x-unsigned
Version: 6.1.100-1
Filename: pool/c.deb

Package: linux-image-6.2.0-1-x
Version: 6.2-1
Filename: pool/d.deb`

func TestNewest(t *testing.T) {
	for pattern, want := range map[string]string{
		`linux-image-6[.]1[.]0-[0-9]+-x`:             "pool/b.deb",
		`linux-image-6[.]1[.]0-[0-9]+-x(-unsigned)?`: "pool/b.deb",
		`linux-image-.*`:                             "pool/d.deb", // the last has no empty line after it
		`.*-9-x`:                                     "pool/a.deb",
		`image`:                                      "",
	} {
		names, err := Package{Pattern: pattern}.names()
		if err != nil {
			t.Fatal(err)
		}
		p, found, err := newest(strings.NewReader(index), names.MatchString)
		if err != nil || p.Path != want || found != (want != "") {
			t.Errorf("%s: got %v %v, want %s (%v)", pattern, p, found, want, err)
		}
		if want == "pool/b.deb" && (p.Size != 34 || p.SHA256 != "bb" || p.Arch != "amd64" || p.Version != "6.1.100-1") {
			t.Errorf("%s: got %+v", pattern, p)
		}
	}
	broken := iotest.ErrReader(errors.New("broken"))
	if _, _, err := newest(broken, regexp.MustCompile("").MatchString); err == nil {
		t.Error("a broken index is accepted")
	}
}

func TestPackageCheck(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	good := Package{Name: "p", Path: "pool/p.deb", SHA256: sum, Pattern: "a+"}
	if err := good.check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*Package){
		"short hash":  func(p *Package) { p.SHA256 = sum[2:] },
		"large hash":  func(p *Package) { p.SHA256 = strings.ToUpper(sum) },
		"path as sum": func(p *Package) { p.SHA256 = "../" + sum[3:] },
		"no path":     func(p *Package) { p.Path = "" },
		"up":          func(p *Package) { p.Path = "pool/../../x" },
		"absolute":    func(p *Package) { p.Path = "/pool/x" },
		"query":       func(p *Package) { p.Path = "pool/x?y" },
		"pattern":     func(p *Package) { p.Pattern = "(" },
	} {
		p := good
		spoil(&p)
		if p.check() == nil {
			t.Errorf("%s: %+v is accepted", name, p)
		}
	}
}
