package uffd

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What an errno means, for kernels that are not there: which name it gets, and which
// words.
func TestExplanations(t *testing.T) {
	sound, empty := Range{0x10000, 0x10000}, Range{0x10000, 0}
	some := FeatureSIGBUS
	for _, test := range []struct {
		name  string
		op    string
		has   Features
		told  bool
		ready bool
		r     Range
		err   error
		kind  error
		word  string
	}{
		{"no handshake", opCopy, 0, false, false, empty, unix.EINVAL, ErrNoHandshake, "handshake"},
		{"no handshake, and another error", opCopy, 0, false, false, sound, unix.ENOENT, ErrLayout, "layout"},
		{"no such call", opPoison, some, true, true, empty, unix.EINVAL, errors.ErrUnsupported, "does not have it"},
		{"no such call, perhaps", opPoison, some, false, true, empty, unix.EINVAL, nil, "empty"},
		{"there is the call", opPoison, some | FeaturePoison, true, true, empty, unix.EINVAL, nil, "empty"},
		{"one of two will do", opContinue, FeatureMinorHugetlbfs, true, true, empty, unix.EINVAL, nil, "empty"},
		{"none of two", opContinue, some, true, true, sound, unix.EINVAL, errors.ErrUnsupported, "does not have it"},
		{"no move", opMove, some, true, true, sound, unix.EINVAL, errors.ErrUnsupported, "does not have it"},
		{"no protection", opWriteProtect, some, true, true, sound, unix.EINVAL, errors.ErrUnsupported, "does not have it"},
		{"no other protection", opRWProtect, some, true, true, sound, unix.EINVAL, errors.ErrUnsupported, "does not have it"},
		{"no modes", opSetMode, some, true, true, Range{}, unix.EINVAL, errors.ErrUnsupported, "does not have it"},
		{"modes", opSetMode, FeatureRWP, true, true, Range{}, unix.EINVAL, nil, ""},
		{"mode of a process that is gone", opSetMode, FeatureRWP, true, true, Range{}, unix.ESRCH, ErrGone, "gone"},
		{"old calls are always there", opZero, 0, true, true, sound, unix.EINVAL, nil, ""},
		{"layout changing", opZero, some, true, true, sound, unix.EAGAIN, ErrChanging, "event"},
		{"it exists", opZero, some, true, true, sound, unix.EEXIST, ErrExists, "already"},
		{"another layout", opZero, some, true, true, sound, unix.ENOENT, ErrLayout, "layout"},
		{"gone", opZero, some, true, true, sound, unix.ESRCH, ErrGone, "gone"},
		{"gone, before Linux 4.13", opCopy, some, true, true, sound, unix.ENOSPC, ErrGone, "gone"},
		{"no memory", opCopy, some, true, true, sound, unix.ENOMEM, nil, ""},
		{"busy", opMove, FeatureMove, true, true, sound, unix.EBUSY, nil, ""},
		{"registering knows no such names", opRegister, some, true, true, sound, unix.ENOSPC, nil, ""},
		{"unregistering neither", opUnregister, some, true, true, sound, unix.ESRCH, nil, ""},
		{"flags", opZero, some, true, true, empty, errFlags, nil, "does not have"},
	} {
		d := &Descriptor{claimed: test.has, told: test.told}
		d.ready.Store(test.ready)
		err := d.failed(test.op, "of something", test.r, test.err)
		for _, kind := range []error{ErrNoHandshake, ErrLayout, ErrChanging, ErrExists, ErrGone, errors.ErrUnsupported} {
			if got := errors.Is(err, kind); got != (kind == test.kind) {
				t.Errorf("%s: %v: is %v: %v", test.name, err, kind, got)
			}
		}
		cause := test.err
		if cause == errFlags {
			cause = unix.EINVAL
		}
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), test.word) || !strings.HasPrefix(err.Error(), "uffd: "+test.op+" of something") {
			t.Errorf("%s: %q lacks %q", test.name, err, test.word)
		}
	}
}

func TestModeExplanations(t *testing.T) {
	d := &Descriptor{claimed: FeaturePagefaultFlagWP | FeatureRWP, told: true}
	d.ready.Store(true)
	for mode, word := range map[Mode]string{
		0:                     "no mode",
		ModeMissing:           "",
		ModeWP | ModeMissing:  "",
		ModeWP | ModeRWP:      "exclude",
		ModeMinor:             "does not have the mode",
		ModeRWP | ModeMissing: "not enabled",
	} {
		if got := d.oddity(mode); !strings.Contains(got, word) || word == "" && got != "" {
			t.Errorf("%v: %q, want %q", mode, got, word)
		}
	}
	d.enabled.Store(uint64(FeatureRWP))
	if got := d.oddity(ModeRWP); got != "" {
		t.Errorf("RWP that is enabled: %q", got)
	}
	d.told = false // what it has, nobody knows
	if got := d.oddity(ModeMinor); got != "" {
		t.Errorf("minor faults, which it may have: %q", got)
	}
}

func TestSetModeErrors(t *testing.T) {
	clean(t)
	d := mustOpen(t, Options{Wanted: FeatureRWP})
	rwp := d.Enabled().Has(FeatureRWP)
	for _, bad := range []struct{ enable, disable Features }{
		{FeatureSIGBUS, 0}, {0, FeatureSIGBUS}, {1 << 63, 0}, {FeatureRWPAsync, FeatureRWPAsync}, {FeatureRWP, 0},
	} {
		before := d.Enabled()
		err := d.SetMode(bad.enable, bad.disable)
		want(t, err, unix.EINVAL, nil, opSetMode, bad.enable.String(), bad.disable.String())
		if errors.Is(err, errors.ErrUnsupported) == rwp || d.Enabled() != before {
			t.Errorf("%v, enabled %v, before %v", err, d.Enabled(), before)
		}
	}
	if !rwp {
		return
	}
	for range 2 {
		if err := d.SetMode(FeatureRWPAsync, 0); err != nil || !d.Enabled().Has(FeatureRWPAsync) {
			t.Errorf("%v, enabled %v", err, d.Enabled())
		}
		if err := d.SetMode(0, FeatureRWPAsync); err != nil || d.Enabled().Has(FeatureRWPAsync) {
			t.Errorf("%v, enabled %v", err, d.Enabled())
		}
	}
}
