package debian

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Of the packages that fit, the newest takes the place of one that has gone, is
// reported, and is not asked for twice.
func TestKernelFallback(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	p.Pattern = "linux-[0-9]+"
	newer := r.build("linux-10", "10", map[string]string{"boot/vmlinuz-10": "the newest"})
	r.suite("made", "amd64",
		r.build("linux-9", "9", map[string]string{"boot/vmlinuz-9": "a newer one"}), newer,
		r.build("linux-11-debug", "11", map[string]string{"boot/vmlinuz-11": "another"}))
	r.remove(p)
	r.both(t, func(t *testing.T, archive func() (Archive, error)) {
		c := Cache{t.TempDir()}
		var said []string
		f, err := c.Kernel(t.Context(), archive, p, member, func(s string) { said = append(said, s) })
		if err != nil {
			t.Fatal(err)
		}
		if !f.Fallback || f.Package.Name != "linux-10" || f.Package.SHA256 != newer.SHA256 || f.Package.Suite != "made" || readFile(t, f) != "the newest" {
			t.Errorf("got %+v", f)
		}
		if !slices.ContainsFunc(said, func(s string) bool {
			return strings.HasPrefix(s, "FALLBACK: linux-1 1 ") && strings.Contains(s, "linux-10 10")
		}) {
			t.Errorf("it is not reported: %q", said)
		}
		again, err := c.Kernel(t.Context(), noArchive(t), p, member, nil)
		if err != nil || !again.Cached || !again.Fallback {
			t.Errorf("the second time: %+v, %v", again, err)
		}
	})
}

func TestKernelFallbackElsewhere(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	p.Pattern, p.Later = "linux-[0-9]", []string{"missing", "next"}
	r.suite("made", "amd64", r.build("other", "1", kernel))
	r.suite("next", "amd64", r.build("linux-2", "2", kernel))
	r.remove(p)
	f, err := Cache{t.TempDir()}.Kernel(t.Context(), r.direct, p, member, nil)
	if err != nil || f.Package.Name != "linux-2" || f.Package.Suite != "next" {
		t.Errorf("got %+v, %v", f, err)
	}
	// Nowhere: each suite is answered for.
	p.Pattern = "linux-x"
	c := Cache{t.TempDir()}
	_, err = c.Kernel(t.Context(), r.direct, p, member, nil)
	oneLine(t, err, "suite made has no package", "suite missing:", "404", "suite next has no package")
	if !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
	checkEmpty(t, c)
}

// An archive that nobody signed is not believed when it names another package.
func TestKernelFallbackUnsigned(t *testing.T) {
	r := newRepo(t)
	p := r.build("linux-1", "1", kernel)
	p.Pattern = "linux-.*"
	r.suite("made", "amd64", r.build("linux-2", "2", kernel))
	r.remove(p)
	c := Cache{t.TempDir()}
	_, err := c.Kernel(t.Context(), func() (Archive, error) { return Archive{Mirror: r.url}, nil }, p, member, nil)
	oneLine(t, err, "is not signed")
	p.Suite = "missing"
	_, err = c.Kernel(t.Context(), func() (Archive, error) { return Archive{Mirror: r.url}, nil }, p, member, nil)
	oneLine(t, err, "suite missing:", "does not have a Release file")
	checkEmpty(t, c)
}
