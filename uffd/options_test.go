package uffd

import (
	"errors"
	"slices"
	"syscall"
	"testing"
)

func TestWays(t *testing.T) {
	sys, dev := way{SyscallPath, false}, way{DevicePath, false}
	sysUser, devUser := way{SyscallPath, true}, way{DevicePath, true}
	for _, test := range []struct {
		options Options
		want    []way
	}{
		{Options{}, []way{sys, dev}},
		{Options{UserMode: UserModeFallback}, []way{sys, dev, sysUser, devUser}},
		{Options{UserMode: UserModeOnly}, []way{sysUser, devUser}},
		{Options{Path: SyscallPath}, []way{sys}},
		{Options{Path: DevicePath, UserMode: UserModeFallback}, []way{dev, devUser}},
		{Options{Path: SyscallPath, UserMode: UserModeOnly}, []way{sysUser}},
	} {
		if got := test.options.ways(); !slices.Equal(got, test.want) {
			t.Errorf("%+v: %v, want %v", test.options, got, test.want)
		}
	}
}

func TestChoose(t *testing.T) {
	const unknown Features = 1 << 40
	const has = FeatureSIGBUS | FeatureMove | FeaturePoison | unknown
	for _, test := range []struct {
		required, wanted, enable, missing Features
	}{
		{0, 0, 0, 0},
		{FeatureSIGBUS, 0, FeatureSIGBUS, 0},
		{0, FeatureSIGBUS | FeatureRWP, FeatureSIGBUS, 0},
		{FeatureMove, FeatureSIGBUS | FeatureMove, FeatureSIGBUS | FeatureMove, 0},
		{unknown, 0, unknown, 0},
		{0, unknown | unknown<<1, unknown, 0},
		{FeatureRWP | FeatureSIGBUS | unknown<<1, FeatureMove, 0, FeatureRWP | unknown<<1},
	} {
		enable, err := Options{Required: test.required, Wanted: test.wanted}.choose(has, 0)
		if enable != test.enable || (err == nil) != (test.missing == 0) {
			t.Errorf("required %v, wanted %v: %v, %v; want %v, missing %v", test.required, test.wanted, enable, err, test.enable, test.missing)
		}
		if err == nil {
			continue
		}
		fe, ok := errors.AsType[*FeatureError](err)
		if !ok || fe.Missing != test.missing || fe.Available != has || !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%v, want the missing features %v", err, test.missing)
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	for _, o := range []Options{
		{UserMode: -1},
		{UserMode: UserModeOnly + 1},
		{Path: -1},
		{Path: DevicePath + 1},
		{Required: FeatureRWPAsync},
		{Wanted: FeatureRWPAsync | FeatureWPAsync},
	} {
		if d, err := Open(o); d != nil || !errors.Is(err, syscall.EINVAL) {
			t.Errorf("%+v: %v, %v", o, d, err)
		}
	}
	if err := (Options{Required: FeatureRWP, Wanted: FeatureRWPAsync}).check(); err != nil {
		t.Error(err)
	}
}

func TestStrings(t *testing.T) {
	for want, got := range map[string]string{
		"0":                            Features(0).String(),
		"EVENT_FORK|SIGBUS":            (FeatureSIGBUS | FeatureEventFork).String(),
		"RWP_ASYNC|0x8000000000000000": (FeatureRWPAsync | 1<<63).String(),
		"REGISTER|COPY|0x100000":       (IoctlCopy | IoctlRegister | 1<<20).String(),
		"UserModeFallback":             UserModeFallback.String(),
		"UserMode(9)":                  UserMode(9).String(),
		"/dev/userfaultfd":             DevicePath.String(),
		"userfaultfd(2)":               SyscallPath.String(),
		"any path":                     AnyPath.String(),
		"Path(-1)":                     Path(-1).String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if f := FeatureMove | FeaturePoison; !f.Has(FeatureMove) || f.Has(FeatureMove|FeatureRWP) || !f.Has(0) {
		t.Error("Has is wrong")
	}
	if i := IoctlCopy | IoctlWake; !i.Has(IoctlWake) || i.Has(IoctlAPI|IoctlWake) {
		t.Error("Has is wrong")
	}
}
