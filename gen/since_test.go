package main

import (
	"strings"
	"testing"
)

// headersOfRelease are facts of ports, each with the names it has.
func headersOfRelease(linux string, have map[string]string) []*Facts {
	var all []*Facts
	for _, p := range ports {
		list, ok := have[p.goarch]
		if !ok {
			continue
		}
		all = append(all, smallFacts(p.goarch, func(f *Facts) {
			f.Headers = Origin{Linux: linux, Package: "linux " + linux + "-1"}
			f.Constants, f.Structs = nil, nil
			for _, name := range strings.Fields(list) {
				f.Constants = append(f.Constants, Constant{name, "linux/memfd.h", "u32", "0x1"})
			}
		}))
	}
	return all
}

// smallSince has a port whose headers begin late (loong64), a name that ports
// got at different times (MFD_B), one that went and came back (MFD_C), one that
// is gone (MFD_GONE) and one that few ports have (MFD_D).
func smallSince(t *testing.T) *Since {
	t.Helper()
	s, err := deriveSince([][]*Facts{
		headersOfRelease("5.10.19", map[string]string{"amd64": "MFD_A MFD_C MFD_GONE", "arm": "MFD_A MFD_C"}),
		headersOfRelease("6.1.4", map[string]string{"amd64": "MFD_A MFD_B", "arm": "MFD_A"}),
		headersOfRelease("6.12.38", map[string]string{"amd64": "MFD_A MFD_B MFD_C", "arm": "MFD_A MFD_B MFD_C", "loong64": "MFD_A MFD_B MFD_C"}),
		headersOfRelease("6.13", map[string]string{"amd64": "MFD_A MFD_B MFD_C MFD_D", "arm": "MFD_A MFD_B MFD_C", "loong64": "MFD_A MFD_B MFD_C MFD_D"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSinceBrackets(t *testing.T) {
	s := smallSince(t)
	if got := strings.Join(s.symbols(), " "); got != "MFD_A MFD_B MFD_C MFD_D" {
		t.Errorf("symbols: %s", got)
	}
	for _, c := range []struct{ symbol, port, want string }{
		{"MFD_A", "amd64", "≤ 5.10"}, {"MFD_A", "arm", "≤ 5.10"}, {"MFD_A", "loong64", "≤ 6.12"},
		{"MFD_B", "amd64", "5.11..6.1"}, {"MFD_B", "arm", "6.2..6.12"}, {"MFD_B", "loong64", "≤ 6.12"},
		{"MFD_C", "amd64", "6.2..6.12"}, {"MFD_C", "arm", "6.2..6.12"},
		{"MFD_D", "amd64", "6.13"}, {"MFD_D", "loong64", "6.13"},
	} {
		if got := s.bracket(c.symbol, c.port).String(); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.symbol, c.port, got, c.want)
		}
	}
	if got := strings.Join(s.portsOf("MFD_D"), " "); got != "amd64 loong64" {
		t.Errorf("MFD_D is on %s", got)
	}
}

// TestSinceFile writes and reads: nothing is lost, and what stands once for all
// ports does not claim that a port had it before its headers began.
func TestSinceFile(t *testing.T) {
	s := smallSince(t)
	text := s.encode()
	wantAll(t, string(text),
		`{"linux": "6.12", "sources": {"linux 6.12.38-1":"amd64,arm,loong64"}}`,
		` "MFD_A": "5.10",`, ` "MFD_B": {"6.1":"amd64","6.12":"arm,loong64"},`, ` "MFD_D": {"6.13":"amd64,loong64"}`)
	again, err := decodeSince(text)
	if err != nil {
		t.Fatal(err)
	}
	if string(again.encode()) != string(text) {
		t.Errorf("reading and writing changes it:\n%s", again.encode())
	}
	for _, name := range s.symbols() {
		for _, p := range s.portsOf(name) {
			if a, b := again.bracket(name, p), s.bracket(name, p); a != b {
				t.Errorf("%s on %s: read %v, written %v", name, p, a, b)
			}
		}
	}
}

// TestSinceGoesOn takes the file and newer facts: what is new gets the new
// release, the same release again replaces the last one, and an older one is
// refused.
func TestSinceGoesOn(t *testing.T) {
	all := map[string]string{"amd64": "MFD_A MFD_E", "arm": "MFD_A MFD_B MFD_D", "loong64": "MFD_A MFD_D"}
	s := smallSince(t)
	if err := s.extend(headersOfRelease("7.0.1", all)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ symbol, port, want string }{
		{"MFD_A", "amd64", "≤ 5.10"}, {"MFD_E", "amd64", "6.14..7.0"}, {"MFD_D", "arm", "6.14..7.0"}, {"MFD_D", "loong64", "6.13"},
	} {
		if got := s.bracket(c.symbol, c.port).String(); got != c.want {
			t.Errorf("%s on %s: %s, want %s", c.symbol, c.port, got, c.want)
		}
	}
	if len(s.portsOf("MFD_C")) != 0 {
		t.Error("MFD_C is still there")
	}
	before := string(s.encode())
	if err := s.extend(headersOfRelease("7.0.1", all)); err != nil || string(s.encode()) != before {
		t.Errorf("the same headers again (%v) give\n%s", err, s.encode())
	}
	if err := s.extend(headersOfRelease("7.0.3", all)); err != nil || !strings.Contains(string(s.encode()), "linux 7.0.3-1") || len(s.Headers) != 5 {
		t.Errorf("newer headers of the release (%v) give\n%s", err, s.encode())
	}
	before = string(s.encode())
	for name, facts := range map[string][]*Facts{
		"older headers":            headersOfRelease("6.1.9", all),
		"a port less":              headersOfRelease("7.1.1", map[string]string{"amd64": "MFD_A", "arm": "MFD_A"}),
		"headers of two releases":  append(headersOfRelease("7.1.1", map[string]string{"amd64": "MFD_A", "arm": "MFD_A"}), headersOfRelease("7.2.1", map[string]string{"loong64": "MFD_A"})...),
		"headers of no release":    headersOfRelease("next", all),
		"headers without a point":  headersOfRelease("7", all),
		"headers of a wrong minor": headersOfRelease("7.x", all),
	} {
		if err := s.extend(facts); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if string(s.encode()) != before {
			t.Errorf("%s: it changed", name)
		}
	}
}

func TestSinceRefuses(t *testing.T) {
	good := string(smallSince(t).encode())
	for _, c := range []struct{ name, old, new, want string }{
		{"something behind", "\n}\n}\n", "\n}\n}\n{}", "follows"},
		{"an unknown field", `"headers"`, `"header"`, "header"},
		{"no headers", good[strings.Index(good, ` {"linux": "5.10"`):strings.Index(good, "],\n")], "", "no headers"},
		{"no release", `"linux": "6.1"`, `"linux": "6"`, `"6"`},
		{"releases out of order", `"linux": "6.1"`, `"linux": "5.9"`, "follow"},
		{"an unknown port", `6.13-1":"amd64`, `6.13-1":"vax,amd64`, `"vax"`},
		{"a port twice", `"linux 5.10.19-1":"amd64,arm"`, `"a":"amd64,arm","b":"arm"`, "arm is with a and with b"},
		{"a port that loses its headers", `"linux 6.1.4-1":"amd64,arm"`, `"linux 6.1.4-1":"amd64"`, "arm: Linux 5.10 has headers, and Linux 6.1 has none"},
		{"a release nobody looked at", `"MFD_A": "5.10"`, `"MFD_A": "5.4"`, "MFD_A"},
		{"before the port's headers", `{"6.13":"amd64,loong64"}`, `{"6.1":"amd64,loong64"}`, "MFD_D: loong64"},
		{"a symbol's wrong release", `"MFD_A": "5.10"`, `"MFD_A": "soon"`, "MFD_A"},
		{"a symbol's unknown port", `{"6.13":"amd64,loong64"}`, `{"6.13":"vax"}`, "MFD_D: vax"},
		{"a symbol that is a number", `"MFD_A": "5.10"`, `"MFD_A": 5.10`, "MFD_A"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if text == good {
			t.Errorf("%s: nothing to replace", c.name)
		}
		if _, err := decodeSince([]byte(text)); err == nil {
			t.Errorf("%s: accepted", c.name)
		} else if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}
