package uffd

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestBelieved(t *testing.T) {
	const all = writeProtection | FeatureSIGBUS | FeatureMove | 1<<40
	says := func(yes bool, err error) func() (bool, error) {
		return func() (bool, error) { return yes, err }
	}
	for _, test := range []struct {
		name           string
		claimed        Features
		traps          func() (bool, error)
		available, lie Features
		err            error
	}{
		{"it traps", all, says(true, nil), all, 0, nil},
		{"it lies", all, says(false, nil), all &^ writeProtection, writeProtection, nil},
		{"it lies as 5.10 does", FeaturePagefaultFlagWP | FeatureSIGBUS, says(false, nil), FeatureSIGBUS, FeaturePagefaultFlagWP, nil},
		{"nobody knows", all, says(false, fs.ErrNotExist), all &^ writeProtection, 0, fs.ErrNotExist},
		{"nothing is claimed", FeatureSIGBUS, nil, FeatureSIGBUS, 0, nil},
		{"its word is taken", all, nil, all, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			available, lie, err := believed(test.claimed, test.traps)
			if available != test.available || lie != test.lie || !errors.Is(err, test.err) {
				t.Errorf("available %v, lie %v, %v; want %v, %v, %v", available, lie, err, test.available, test.lie, test.err)
			}
		})
	}
	asked := false
	if _, _, err := believed(FeatureSIGBUS, func() (bool, error) { asked = true; return true, nil }); asked || err != nil {
		t.Errorf("asked: %v, %v", asked, err)
	}
}

// What would stop the kernel is never there, whatever the kernel says.
func TestDeadly(t *testing.T) {
	for goarch, want := range map[string]Features{
		"arm": FeaturePoison, "mips": FeaturePoison, "mipsle": FeaturePoison, "mips64": FeaturePoison, "mips64le": FeaturePoison,
		"amd64": 0, "arm64": 0, "loong64": 0,
	} {
		if got := deadly(goarch); got != want {
			t.Errorf("%s: %v, want %v", goarch, got, want)
		}
	}
	defer func(f Features) { deadlyHere = f }(deadlyHere)
	deadlyHere = FeaturePoison
	if available, lie, err := believed(FeaturePoison|FeatureSIGBUS, nil); available != FeatureSIGBUS || lie != 0 || err != nil {
		t.Errorf("%v, %v, %v", available, lie, err)
	}
	_, err := Options{Required: FeaturePoison | FeatureMove}.choose(FeatureMove, 0)
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "stop when POISON is used") {
		t.Error(err)
	}
}

// A lie is named where it matters, and only there.
func TestFeatureErrorNamesTheLie(t *testing.T) {
	o := Options{Required: FeaturePagefaultFlagWP | FeatureMove}
	_, err := o.choose(FeatureSIGBUS, FeaturePagefaultFlagWP)
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "claims PAGEFAULT_FLAG_WP, but a write") {
		t.Error(err)
	}
	o = Options{Required: FeatureMove}
	_, err = o.choose(FeatureSIGBUS, FeaturePagefaultFlagWP)
	if !errors.Is(err, errors.ErrUnsupported) || strings.Contains(err.Error(), "claims") {
		t.Error(err)
	}
}
