package procmaps

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sample = `7f0000000000-7f0000010000 rw-p 00003000 00:01 1044                       /memfd:image (deleted)
Size:                 64 kB
Rss:                  12 kB
Private_Dirty:         8 kB
Anonymous:             4 kB
ProtectionKey:         3
VmFlags: rd wr mr mw me dd nr
7f0000010000-7f0000020000 ---p 00000000 00:00 0
Rss:                   0 kB
VmFlags: mr mw me sd
`

func TestParse(t *testing.T) {
	got, err := Parse(strings.NewReader(sample))
	if err != nil {
		t.Fatal(err)
	}
	want := []VMA{
		{Start: 0x7f0000000000, End: 0x7f0000010000, Perms: "rw-p", Offset: 0x3000, Inode: 1044, Path: "/memfd:image (deleted)",
			Rss: 12 << 10, Private: 8 << 10, Anonymous: 4 << 10, Key: 3, HasKey: true, Flags: " rd wr mr mw me dd nr "},
		{Start: 0x7f0000010000, End: 0x7f0000020000, Perms: "---p", Flags: " mr mw me sd "},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !got[0].Has("dd") || got[1].Has("dd") {
		t.Error("VmFlags misread")
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"Rss: 4 kB\n",
		"zz-10 rw-p 0 00:00 0\n",
		"10-20 rw-p 0\n",
		"1020 rw-p 0 00:00 0\n",
		"10-20 rw-p 0 00:00 0\nRss: 4 MB\n",
		"10-20 rw-p 0 00:00 0\nProtectionKey: x\n",
	} {
		if got, err := Parse(strings.NewReader(in)); err == nil {
			t.Errorf("%q: no error, got %+v", in, got)
		}
	}
}

func TestWithin(t *testing.T) {
	all := []VMA{{Start: 0, End: 10, Inode: 7, Offset: 100}, {Start: 10, End: 20}, {Start: 20, End: 30}}
	got := Within(all, 4, 20)
	want := []VMA{{Start: 4, End: 10, Inode: 7, Offset: 104}, {Start: 10, End: 20}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := Within(all, 30, 40); got != nil {
		t.Errorf("nothing there: %v", got)
	}
}
