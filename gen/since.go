package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Since says in which kernel's headers each symbol of package sys was first
// seen, port by port. It knows only the releases whose headers were looked at.
type Since struct {
	Headers []headersOf                   // oldest first; the last ones are those of the facts
	first   map[string]map[string]release // symbol, port
}

// headersOf is one release whose headers were looked at: by port, the package
// they are from.
type headersOf struct {
	release release
	sources map[string]string
}

// releaseOf cuts the version in facts to the release: 7.3.4 to 7.3.
func releaseOf(f *Facts) (release, error) {
	parts := strings.SplitN(f.Headers.Linux, ".", 3)
	if len(parts) < 2 {
		return release{}, &failure{port: f.Port, err: fmt.Errorf("headers of Linux %q, which is no version", f.Headers.Linux)}
	}
	r, err := parseRelease(parts[0] + "." + parts[1])
	if err != nil {
		return release{}, &failure{port: f.Port, err: err}
	}
	return r, nil
}

// source names the headers of a port.
func source(f *Facts) string {
	if f.Headers.Package != "" {
		return f.Headers.Package
	}
	return "Linux " + f.Headers.Linux
}

// symbols are the names of everything that facts have.
func symbols(f *Facts) []string {
	var list []string
	for _, c := range f.Constants {
		list = append(list, c.Name)
	}
	for _, s := range f.Structs {
		list = append(list, "struct "+s.Name)
	}
	return list
}

// deriveSince makes Since from the facts of releases, oldest first. Only what
// the last release has is in it: package sys has nothing else. A symbol that
// went and came back counts from when it came back.
func deriveSince(all [][]*Facts) (*Since, error) {
	s := &Since{first: map[string]map[string]release{}}
	for _, facts := range all {
		if err := s.extend(facts); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// extend goes on with the facts of a release that is newer than all that s
// knows, or of the last one, which they then replace.
func (s *Since) extend(facts []*Facts) error {
	r, err := releaseOf(facts[0])
	if err != nil {
		return err
	}
	now := headersOf{r, map[string]string{}}
	first := map[string]map[string]release{}
	for _, f := range facts {
		if other, err := releaseOf(f); err != nil {
			return err
		} else if other != r {
			return &failure{port: f.Port, err: fmt.Errorf("has headers of Linux %v, and %s of %v: these are no headers of one release", other, facts[0].Port, r)}
		}
		now.sources[f.Port] = source(f)
		for _, name := range symbols(f) {
			if first[name] == nil {
				first[name] = map[string]release{}
			}
			first[name][f.Port] = r
			if old, ok := s.first[name][f.Port]; ok && old.compare(r) < 0 {
				first[name][f.Port] = old
			}
		}
	}
	headers := s.Headers
	if n := len(headers); n > 0 && headers[n-1].release == r {
		headers = headers[:n-1]
	}
	next := &Since{append(slices.Clip(headers), now), first}
	if err := next.check(); err != nil {
		return err
	}
	*s = *next
	return nil
}

// check finds what cannot be so: it holds for what headers said and for what
// someone edited.
func (s *Since) check() error {
	if len(s.Headers) == 0 {
		return fmt.Errorf("since: no headers")
	}
	have := map[string]bool{}
	for i, h := range s.Headers {
		if i > 0 && s.Headers[i-1].release.compare(h.release) >= 0 {
			return fmt.Errorf("since: headers of Linux %v follow those of %v", h.release, s.Headers[i-1].release)
		}
		for p := range have {
			if _, ok := h.sources[p]; !ok {
				return fmt.Errorf("since: %s: Linux %v has headers, and Linux %v has none", p, s.Headers[i-1].release, h.release)
			}
		}
		for p := range h.sources {
			if _, err := choosePorts(p); err != nil {
				return fmt.Errorf("since: Linux %v: unknown port %q", h.release, p)
			}
			have[p] = true
		}
	}
	for name, byPort := range s.first {
		for p, r := range byPort {
			i := slices.IndexFunc(s.Headers, func(h headersOf) bool { return h.release == r })
			if i < 0 || s.Headers[i].sources[p] == "" {
				return fmt.Errorf("since: %s: %s has it from Linux %v, whose headers nobody looked at", name, p, r)
			}
		}
	}
	return nil
}

// ports are those that have headers now, in the order of the table.
func (s *Since) ports() []string {
	last := s.Headers[len(s.Headers)-1]
	return slices.DeleteFunc(names(ports), func(p string) bool { return last.sources[p] == "" })
}

// portsOf are the ports that have a symbol.
func (s *Since) portsOf(symbol string) []string {
	return slices.DeleteFunc(s.ports(), func(p string) bool {
		_, ok := s.first[symbol][p]
		return !ok
	})
}

// symbols are all symbols, sorted.
func (s *Since) symbols() []string { return slices.Sorted(maps.Keys(s.first)) }

// oldest is the first release whose headers of a port were looked at.
func (s *Since) oldest(port string) release {
	for _, h := range s.Headers {
		if h.sources[port] != "" {
			return h.release
		}
	}
	return release{}
}

// bracket says between which headers a port's symbol came.
func (s *Since) bracket(symbol, port string) bracket {
	b := bracket{upTo: s.first[symbol][port]}
	for _, h := range s.Headers {
		if h.sources[port] != "" && h.release.compare(b.upTo) < 0 {
			b.after = h.release
		}
	}
	return b
}
