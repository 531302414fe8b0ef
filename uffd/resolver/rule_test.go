package resolver

import (
	"slices"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/uffd"
)

// What is wrong with a rule is said in words, before the kernel sees any of it.
func TestBadRules(t *testing.T) {
	page := pageSize
	at := uffd.Range{Start: 16 * page, Len: 8 * page}
	source := make([]byte, 9*page)
	for _, c := range []struct {
		rule  Rule
		words string // nothing: it is right
	}{
		{Rule{Range: at, Missing: Zero}, ""},
		{Rule{Range: at, Missing: Copy, Source: source[:8*page]}, ""},
		{Rule{Range: at, Missing: Copy, Source: source[:page], Granule: 1 << 40}, ""},
		{Rule{Range: at, Missing: Guard, Minor: Guard, Written: Unprotect}, ""},
		{Rule{Range: at, Missing: Hand, Minor: Hand, Written: Hand, Granule: 4 * page}, ""},
		{Rule{Range: at, Minor: Continue, Written: Unprotect, Protected: true}, ""},
		{Rule{Range: at, Missing: Copy, Source: source[:page], Written: Hand, Protected: true}, ""},
		{Rule{Range: at, Missing: Copy, Source: source[:8*page], Page: 2 * page}, ""},
		{Rule{Range: uffd.Range{Start: 0, Len: page}, Missing: Zero}, ""},
		{Rule{Range: uffd.Range{Start: 1<<63 - page, Len: page}, Missing: Zero}, ""},

		{Rule{}, "the range is empty"},
		{Rule{Range: uffd.Range{Start: page}, Missing: Zero}, "the range is empty"},
		{Rule{Range: uffd.Range{Start: page + 1, Len: page}, Missing: Zero}, "whole pages"},
		{Rule{Range: uffd.Range{Start: page, Len: page + 1}, Missing: Zero}, "whole pages"},
		{Rule{Range: uffd.Range{Start: page, Len: 2 * page}, Missing: Hand, Page: 2 * page}, "whole pages"},
		{Rule{Range: uffd.Range{Start: 1 << 63, Len: page}, Missing: Zero}, "beyond the last address"},
		{Rule{Range: uffd.Range{Start: 1<<63 - page, Len: 2 * page}, Missing: Zero}, "beyond the last address"},
		{Rule{Range: uffd.Range{Start: -page, Len: page}, Missing: Zero}, "beyond the last address"},
		{Rule{Range: uffd.Range{Start: -page, Len: 4 * page}, Missing: Zero}, "beyond the last address"},
		{Rule{Range: uffd.Range{Start: 2 * page, Len: -page}, Missing: Zero}, "beyond the last address"},

		{Rule{Range: at, Missing: Zero, Page: 1}, "Page is 1"},
		{Rule{Range: at, Missing: Zero, Page: page / 2}, "Page is"},
		{Rule{Range: at, Missing: Zero, Page: 3 * page}, "a power of two"},
		{Rule{Range: at, Missing: Zero, Granule: page / 2}, "Granule is"},
		{Rule{Range: at, Missing: Zero, Granule: 3 * page}, "Granule is"},
		{Rule{Range: at, Missing: Hand, Page: 4 * page, Granule: 2 * page}, "Granule is"},

		{Rule{Range: at}, "there is no action"},
		{Rule{Range: at, Protected: true}, "there is no action"},
		{Rule{Range: at, Missing: Continue}, "Missing cannot be Continue"},
		{Rule{Range: at, Missing: Unprotect}, "Missing cannot be Unprotect"},
		{Rule{Range: at, Missing: Hand + 1}, "Missing cannot be Action(7)"},
		{Rule{Range: at, Minor: Copy}, "Minor cannot be Copy"},
		{Rule{Range: at, Minor: Zero}, "Minor cannot be Zero"},
		{Rule{Range: at, Written: Zero}, "Written cannot be Zero"},
		{Rule{Range: at, Written: Guard}, "Written cannot be Guard"},
		{Rule{Range: at, Missing: Zero, Page: 2 * page}, "no page of zeros"},

		{Rule{Range: at, Missing: Zero, Source: source}, "there is a Source, and Missing is Zero"},
		{Rule{Range: at, Missing: Zero, Source: []byte{}}, "there is a Source"},
		{Rule{Range: at, Missing: Copy}, "Source has 0 bytes"},
		{Rule{Range: at, Missing: Copy, Source: source[:page+1]}, "whole pages"},
		{Rule{Range: at, Missing: Copy, Source: source[:page], Page: 2 * page}, "whole pages"},
		{Rule{Range: at, Missing: Copy, Source: source}, "more than the range"},
		{Rule{Range: at, Missing: Copy, Source: source[:4*page], Page: 2 * page}, "no page of zeros"},
		{Rule{Range: at, Missing: Copy, Source: source[:page], Protected: true}, "Protected needs Written"},
		{Rule{Range: at, Missing: Zero, Written: Hand, Protected: true}, "Protected is for"},
	} {
		got, odd := c.rule.completed()
		if c.words == "" && odd != "" || !strings.Contains(odd, c.words) {
			t.Errorf("%+v: %q, want %q", c.rule.Range, odd, c.words)
		}
		if odd == "" && (got.Page < page || got.Granule < got.Page) {
			t.Errorf("%+v: page %d, granule %d", c.rule.Range, got.Page, got.Granule)
		}
	}
}

// The kinds of faults that a range is registered for are those that have an action.
func TestModes(t *testing.T) {
	for _, missing := range []Action{None, Zero, Hand} {
		for _, minor := range []Action{None, Continue} {
			for _, written := range []Action{None, Unprotect} {
				r := Rule{Missing: missing, Minor: minor, Written: written}
				m := r.mode()
				if m.Has(uffd.ModeMissing) != (missing != None) || m.Has(uffd.ModeMinor) != (minor != None) || m.Has(uffd.ModeWP) != (written != None) {
					t.Errorf("%v, %v, %v: %v", missing, minor, written, m)
				}
			}
		}
	}
}

func TestNames(t *testing.T) {
	var got []string
	for a := None; a <= Hand+1; a++ {
		got = append(got, a.String())
	}
	for r := Handed - 1; r <= Event+1; r++ {
		got = append(got, r.String())
	}
	want := strings.Fields("None Zero Copy Continue Unprotect Guard Hand Action(7) Reason(0) Handed Parked Failed Guarded Outside Event Reason(7)")
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for r := Reason(0); r < 9; r++ {
		if r.Waits() != (r == Handed || r == Parked) {
			t.Errorf("%v waits", r)
		}
	}
}
