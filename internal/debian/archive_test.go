package debian

import (
	"strings"
	"testing"
)

func TestArchiveCheck(t *testing.T) {
	for _, a := range []Archive{
		{Mirror: "http://mirror.example/debian"},
		{Mirror: "https://user:word@mirror.example/debian/", Keyring: "/usr/share/keyrings/k.gpg"},
		{Mirror: "file:///srv/debian"},
	} {
		if err := a.check(); err != nil {
			t.Errorf("%v: %v", a, err)
		}
	}
	for _, a := range []Archive{
		{}, {Mirror: "mirror.example/debian"}, {Mirror: "ftp://mirror.example/debian"}, {Mirror: "http://"},
		{Mirror: "http://m/x trusted"}, {Mirror: "http://m/x\ndeb http://n"}, {Mirror: "http://m/[x]"}, {Mirror: "file://relative"},
		{Mirror: "http://m/debian", Keyring: "k.gpg"}, {Mirror: "http://m/debian", Keyring: "/k] http://n"}, {Mirror: "http://m/%zz"},
	} {
		if err := a.check(); err == nil {
			t.Errorf("%q is accepted", a)
		}
	}
}

func TestArchiveLines(t *testing.T) {
	a := Archive{Mirror: "http://user:word@m/debian/", Keyring: "/k.gpg"}
	if got, want := a.source("s390x", "sid"), "deb [arch=s390x signed-by=/k.gpg] http://user:word@m/debian sid main\n"; got != want {
		t.Errorf("source: got %q, want %q", got, want)
	}
	if got := a.String(); strings.Contains(got, "word") || !strings.Contains(got, "m/debian") {
		t.Errorf("%q shows the password, or not the mirror", got)
	}
	if got, want := a.file("pool/x.deb"), "http://user:word@m/debian/pool/x.deb"; got != want {
		t.Errorf("file: got %q, want %q", got, want)
	}
}
