package pagemap

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// Masks of all kinds on new memory, also with protection.
func TestMasks(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 10)
	arm(t, d, a.all())
	into := make([]Region, 10)
	for what, q := range map[string]Query{
		"protection of what need not be written": {Mask: known, Return: known, Protect: true, CheckAsync: true},
		"all of":                                 {Mask: known, Return: known},
		"any of":                                 {AnyOf: known, Return: known},
		"none of":                                {Inverted: known, Mask: known, Return: known},
		"inverted alone":                         {Inverted: known, Return: known},
		"all and any":                            {Mask: known, AnyOf: known, Return: known},
		"any of none of":                         {Inverted: known, AnyOf: known, Return: known},
	} {
		if _, end, err := m.Scan(a.all(), q, into); err != nil || end != a.all().End() {
			t.Errorf("%s: %v", what, err)
		}
	}
	a.want(t, m, "clean all the same", dirty, "")
}

// Written pages by every kind of mask.
func TestSelection(t *testing.T) {
	m, d := open(t), async(t)
	a := anon(t, 10)
	arm(t, d, a.all())
	a.fill(0)
	const both = Written | Present
	show := both | WPAllowed
	for what, test := range map[string]struct {
		q    Query
		want string
	}{
		"any of all":               {Query{AnyOf: known, Return: show}, "0-9 WPALLOWED|WRITTEN|PRESENT"},
		"all of them":              {Query{Mask: both | WPAllowed, Return: show}, "0-9 WPALLOWED|WRITTEN|PRESENT"},
		"all, and any":             {Query{Mask: Written, AnyOf: Present, Return: show}, "0-9 WPALLOWED|WRITTEN|PRESENT"},
		"a part of what they are":  {Query{Mask: Written, Return: Present}, "0-9 PRESENT"},
		"nothing of it":            {Query{Mask: Written}, "0-9 0"},
		"not written":              {Query{Inverted: Written, Mask: Written, Return: known}, ""},
		"not present":              {Query{Inverted: Present, Mask: Present, Return: known}, ""},
		"written and not present":  {Query{Inverted: Present, Mask: both, Return: known}, ""},
		"written and not swapped":  {Query{Inverted: Swapped, Mask: Written | Swapped, Return: both}, "0-9 WRITTEN|PRESENT"},
		"not a file or not there":  {Query{Inverted: File | Present, AnyOf: File | Present, Return: Present}, "0-9 PRESENT"},
		"of a file":                {Query{Mask: File, Return: File}, ""},
		"populated":                {Query{AnyOf: Populated, Return: Present}, "0-9 PRESENT"},
		"inverted and not asked":   {Query{Inverted: known, Mask: 0, Return: Present}, "0-9 PRESENT"},
		"guarded, not asked about": {Query{Mask: Written, AnyOf: Swapped | PFNZero, Return: known}, ""},
	} {
		t.Run(what, func(t *testing.T) { a.want(t, m, what, test.q, test.want) })
	}
	q := Query{AnyOf: known, Return: Written, Protect: true, CheckAsync: true}
	a.want(t, m, "by any mask, protected", q, "0-9")
	a.want(t, m, "then", dirty, "")
	a.want(t, m, "there all the same", Query{Mask: Present, Return: Present}, "0-9 PRESENT")
}

// A mapped file, read and written.
func TestFiles(t *testing.T) {
	m, d := open(t), async(t)
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ro := mapped(t, int(f.Fd()), 10*int(pageSize), unix.PROT_READ, unix.MAP_PRIVATE)
	ro.read(0, ro.pages())
	rest := Query{AnyOf: known &^ Written, Return: File | Present}
	ro.want(t, m, "read only", rest, "0-9 FILE|PRESENT")

	a := fileMapped(t, unix.MAP_PRIVATE)
	arm(t, d, a.all())
	for i := range a.mem {
		a.mem[i] = 'z'
	}
	if err := unix.Msync(a.mem, unix.MS_SYNC); err != nil {
		t.Fatal(err)
	}
	q := Query{Mask: Written, AnyOf: Populated | File, Return: Written | File}
	a.want(t, m, "written and synced", q, "0-9")
}

// Soft-dirty, and guard regions, where the kernel has them.
func TestLaterCategories(t *testing.T) {
	m := open(t)
	have, err := m.Categories()
	if err != nil {
		t.Fatal(err)
	}
	if have.Has(Guard) {
		a := anon(t, 6)
		if err := a.advise(2, 2, unix.MADV_GUARD_INSTALL); err != nil {
			t.Fatal(err)
		}
		a.want(t, m, "guarded", Query{Mask: Guard, Return: Guard}, "2-3 GUARD")
		a.want(t, m, "not guarded", Query{Inverted: Guard, Mask: Guard, Return: Guard}, "0-1 0, 4-5 0")
		if err := a.advise(0, 6, unix.MADV_GUARD_REMOVE); err != nil {
			t.Fatal(err)
		}
		a.want(t, m, "no more", Query{Mask: Guard, Return: Guard}, "")
	}
	if have.Has(SoftDirty) {
		a := anon(t, 4)
		a.fill(1)
		if err := os.WriteFile("/proc/self/clear_refs", []byte("4"), 0); err != nil && !errors.Is(err, os.ErrPermission) {
			t.Fatal(err)
		}
		a.write(1)
		// Where the kernel does not keep the bit, nothing or everything has it.
		got, _, _ := a.scan(t, m, a.all(), Query{Mask: SoftDirty, Return: SoftDirty}, 4)
		if got != "1 SOFT_DIRTY" && got != "" && got != "0-3 SOFT_DIRTY" {
			t.Errorf("soft-dirty: %q", got)
		}
	}
}
