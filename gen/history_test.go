package main

import (
	"fmt"
	"strings"
	"testing"
)

// smallList gives some of smallSince's symbols exact releases.
func smallList() *exactList {
	return &exactList{
		Evidence: map[string]string{"seen": "somebody saw it"},
		Versions: []exactVersion{
			{Linux: "6.0", Symbols: []string{"MFD_B"}, Ports: "amd64", Evidence: "seen"},
			{Linux: "6.7", Symbols: []string{"MFD_C"}, Evidence: "seen"},
		},
	}
}

func TestRows(t *testing.T) {
	h, err := newHistory(smallSince(t), smallList())
	if err != nil {
		t.Fatal(err)
	}
	for symbol, want := range map[string]string{
		"MFD_A": "≤ 5.10: amd64 arm loong64", // loong64 goes with the others
		"MFD_B": "6.0: amd64 loong64; 6.2..6.12: arm",
		"MFD_C": "6.7: amd64 arm loong64",
		"MFD_D": "6.13: amd64 loong64",
		"MFD_X": "",
	} {
		var parts []string
		for _, r := range h.rows(symbol) {
			parts = append(parts, r.since+": "+strings.Join(r.ports, " "))
		}
		if got := strings.Join(parts, "; "); got != want {
			t.Errorf("%s: %s, want %s", symbol, got, want)
		}
	}
	for _, c := range []struct{ symbol, port, want string }{
		{"MFD_A", "", ""}, {"MFD_A", "loong64", ""},
		{"MFD_B", "", " // Linux 6.0 on amd64, loong64; 6.2..6.12 on arm"},
		{"MFD_B", "arm", " // Linux 6.2..6.12"},
		{"MFD_C", "", " // Linux 6.7"},
		{"MFD_D", "amd64", " // Linux 6.13"},
	} {
		if got := h.comment(c.symbol, c.port); got != c.want {
			t.Errorf("%s on %q: %q, want %q", c.symbol, c.port, got, c.want)
		}
	}
	if got := (*history)(nil).comment("MFD_C", ""); got != "" {
		t.Errorf("no history, and the comment %q", got)
	}
}

// TestLatePort: a name that only a port with late headers has.
func TestLatePort(t *testing.T) {
	s, err := deriveSince([][]*Facts{
		headersOfRelease("5.10.1", map[string]string{"amd64": ""}),
		headersOfRelease("6.1.1", map[string]string{"amd64": "MFD_N", "loong64": "MFD_L MFD_N"}),
		headersOfRelease("6.12.1", map[string]string{"amd64": "MFD_N", "loong64": "MFD_L MFD_N"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHistory(s, &exactList{})
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(h.rows("MFD_L")); got != "[{≤ 6.1 {6 1} [loong64] true}]" {
		t.Errorf("MFD_L: %s", got)
	}
	if got := h.comment("MFD_L", "loong64"); got != " // Linux up to 6.1" {
		t.Errorf("MFD_L: %q", got)
	}
	if got := fmt.Sprint(h.rows("MFD_N")); got != "[{5.11..6.1 {6 1} [amd64 loong64] false}]" {
		t.Errorf("MFD_N: %s", got)
	}
}

func TestExactRefuses(t *testing.T) {
	add := func(v exactVersion) func(*exactList) {
		return func(l *exactList) { l.Versions = append(l.Versions, v) }
	}
	for _, c := range []struct {
		name string
		edit func(*exactList)
		want string
	}{
		{"too early", func(l *exactList) { l.Versions[1].Linux = "6.1" }, "MFD_C: Linux 6.1 is not within 6.2..6.12"},
		{"too late", func(l *exactList) { l.Versions[1].Linux = "6.13" }, "MFD_C: Linux 6.13 is not within 6.2..6.12"},
		{"too late for the oldest", add(exactVersion{Linux: "5.11", Symbols: []string{"MFD_A"}, Evidence: "seen"}), "≤ 5.10"},
		{"another port's", func(l *exactList) { l.Versions[0].Ports = "" }, "MFD_B: Linux 6.0 is not within 6.2..6.12, which the headers of arm say"},
		{"no such symbol", add(exactVersion{Linux: "6.7", Symbols: []string{"MFD_X"}, Evidence: "seen"}), "MFD_X: no headers have it"},
		{"no such port", func(l *exactList) { l.Versions[0].Ports = "vax" }, `"vax"`},
		{"a port without it", add(exactVersion{Linux: "6.13", Symbols: []string{"MFD_D"}, Ports: "arm", Evidence: "seen"}), "arm does not have it"},
		{"twice", add(exactVersion{Linux: "6.8", Symbols: []string{"MFD_C"}, Evidence: "seen"}), "since Linux 6.7, and again since 6.8"},
		{"no release", func(l *exactList) { l.Versions[0].Linux = "6" }, `"6"`},
		{"no symbols", add(exactVersion{Linux: "6.8", Evidence: "seen"}), "no symbols"},
		{"no evidence", func(l *exactList) { l.Versions[0].Evidence = "" }, "no evidence"},
		{"evidence for nothing", func(l *exactList) { l.Evidence["heard"] = "somebody heard it" }, `"heard"`},
	} {
		list := smallList()
		c.edit(list)
		h, err := newHistory(smallSince(t), list)
		if err == nil || h != nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}
