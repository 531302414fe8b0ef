package main

import "testing"

func mustRelease(t *testing.T, s string) release {
	t.Helper()
	r, err := parseRelease(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseRelease(t *testing.T) {
	if r := mustRelease(t, "6.12"); r != (release{6, 12}) || r.String() != "6.12" {
		t.Errorf("6.12 is %v", r)
	}
	for _, s := range []string{"", "6", "6.", ".6", "6.12.1", "v6.12", "6.12-rc1", "-6.1", "6.99999"} {
		if r, err := parseRelease(s); err == nil {
			t.Errorf("%q is accepted as %v", s, r)
		}
	}
}

func TestNextRelease(t *testing.T) {
	for from, to := range map[string]string{"3.19": "4.0", "4.20": "5.0", "5.10": "5.11", "5.19": "6.0", "6.19": "7.0", "7.2": "7.3"} {
		if got := mustRelease(t, from).next().String(); got != to {
			t.Errorf("after %s comes %s, want %s", from, got, to)
		}
	}
}

func TestBracket(t *testing.T) {
	for _, c := range []struct {
		after, upTo, text string
		in, out           []string
	}{
		{"", "5.10", "≤ 5.10", []string{"3.17", "4.20", "5.9", "5.10"}, []string{"5.11", "6.0"}},
		{"5.10", "6.1", "5.11..6.1", []string{"5.11", "5.19", "6.0", "6.1"}, []string{"5.9", "5.10", "6.2"}},
		{"7.2", "7.3", "7.3", []string{"7.3"}, []string{"7.2", "7.4"}},
		{"6.19", "7.0", "7.0", []string{"7.0"}, []string{"6.19", "7.1"}},
	} {
		b := bracket{upTo: mustRelease(t, c.upTo)}
		if c.after != "" {
			b.after = mustRelease(t, c.after)
		}
		if b.String() != c.text {
			t.Errorf("%v, want %s", b, c.text)
		}
		for _, r := range c.in {
			if !b.holds(mustRelease(t, r)) {
				t.Errorf("%v does not hold %s", b, r)
			}
		}
		for _, r := range c.out {
			if b.holds(mustRelease(t, r)) {
				t.Errorf("%v holds %s", b, r)
			}
		}
	}
}
