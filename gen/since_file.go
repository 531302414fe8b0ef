package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// The file testdata/since.json. A symbol that all ports have since one release
// has that release: ports whose first headers are younger have it since those.
// All others have a list of ports for each release.
type sinceFile struct {
	Headers []struct {
		Linux   string            `json:"linux"`
		Sources map[string]string `json:"sources"` // package -> ports
	} `json:"headers"`
	Symbols map[string]json.RawMessage `json:"symbols"`
}

// encode writes the file, a line for each symbol.
func (s *Since) encode() []byte {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	line("{")
	line(`"headers": [`)
	for i, h := range s.Headers {
		line(` {"linux": %s, "sources": %s}%s`, quote(h.release.String()), quote(portLists(h.sources)), comma(i, len(s.Headers)))
	}
	line("],")
	line(`"symbols": {`)
	list := s.symbols()
	for i, name := range list {
		line(` %s: %s%s`, quote(name), quote(s.firstInFile(name)), comma(i, len(list)))
	}
	line("}")
	line("}")
	return []byte(out.String())
}

// firstInFile is the value of a symbol in the file.
func (s *Since) firstInFile(symbol string) any {
	if r, ok := s.everywhere(symbol); ok {
		return r.String()
	}
	byPort := map[string]string{}
	for p, r := range s.first[symbol] {
		byPort[p] = r.String()
	}
	return portLists(byPort)
}

// everywhere is the release since which all ports have a symbol, those whose
// first headers are younger since those.
func (s *Since) everywhere(symbol string) (release, bool) {
	var r release
	for _, first := range s.first[symbol] {
		if (r == release{}) || first.compare(r) < 0 {
			r = first
		}
	}
	for _, p := range s.ports() {
		if first, ok := s.first[symbol][p]; !ok || first != later(r, s.oldest(p)) {
			return release{}, false
		}
	}
	return r, true
}

func later(a, b release) release {
	if a.compare(b) < 0 {
		return b
	}
	return a
}

// portLists turns port -> value into value -> ports.
func portLists(byPort map[string]string) map[string]string {
	lists := map[string]string{}
	for _, p := range names(ports) {
		if v, ok := byPort[p]; ok {
			lists[v] = strings.TrimPrefix(lists[v]+","+p, ",")
		}
	}
	return lists
}

// byPort undoes portLists.
func byPort(lists map[string]string) (map[string]string, error) {
	byPort := map[string]string{}
	for _, v := range slices.Sorted(maps.Keys(lists)) {
		for p := range strings.SplitSeq(lists[v], ",") {
			if other, ok := byPort[p]; ok {
				return nil, fmt.Errorf("%s is with %s and with %s", p, other, v)
			}
			byPort[p] = v
		}
	}
	return byPort, nil
}

// decodeSince reads the file.
func decodeSince(text []byte) (*Since, error) {
	var in sinceFile
	if err := strictJSON(text, &in); err != nil {
		return nil, err
	}
	s := &Since{first: map[string]map[string]release{}}
	for _, h := range in.Headers {
		r, err := parseRelease(h.Linux)
		if err != nil {
			return nil, err
		}
		sources, err := byPort(h.Sources)
		if err != nil {
			return nil, fmt.Errorf("Linux %v: %w", r, err)
		}
		s.Headers = append(s.Headers, headersOf{r, sources})
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	for name, raw := range in.Symbols {
		first, err := s.decodeFirst(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.first[name] = first
	}
	return s, s.check()
}

func (s *Since) decodeFirst(raw json.RawMessage) (map[string]release, error) {
	first := map[string]release{}
	var all string
	if json.Unmarshal(raw, &all) == nil {
		r, err := parseRelease(all)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(s.Headers, func(h headersOf) bool { return h.release == r }) {
			return nil, fmt.Errorf("nobody looked at the headers of Linux %v", r)
		}
		for _, p := range s.ports() {
			first[p] = later(r, s.oldest(p))
		}
		return first, nil
	}
	var lists map[string]string
	if err := strictJSON(raw, &lists); err != nil {
		return nil, err
	}
	ports, err := byPort(lists)
	if err != nil {
		return nil, err
	}
	for p, v := range ports {
		if first[p], err = parseRelease(v); err != nil {
			return nil, err
		}
	}
	return first, nil
}

// strictJSON decodes text that is one value with no unknown fields.
func strictJSON(text []byte, v any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows the value")
	}
	return nil
}

// readSince reads the file at path.
func readSince(path string) (*Since, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: make it with -older DIR, from the headers that gen/fetch-older fetches", err)
	}
	if err != nil {
		return nil, err
	}
	s, err := decodeSince(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}
