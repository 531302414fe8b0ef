package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// extractAll is the first half: the facts of every port, or an error that names
// all ports that failed.
func extractAll(clang, root, source string, ports []port) ([]*Facts, error) {
	packages := []string{source}
	if source == "" {
		var err error
		if packages, err = sourcePackages(root); err != nil {
			return nil, err
		}
	}
	all := make([]*Facts, len(ports))
	errs := make([]error, len(ports))
	gate := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, p := range ports {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			all[i], errs[i] = extract(clang, root, packages, p)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// extract makes the facts of one port.
func extract(clang, root string, packages []string, p port) (*Facts, error) {
	dirs, err := findHeaders(root, p)
	if err != nil {
		return nil, &failure{port: p.goarch, err: err}
	}
	c := compiler{clang, p, dirs}
	facts, err := c.extract(packages)
	if err != nil {
		// Headers are not to blame if the compiler cannot do an empty file.
		if err := c.check(); err != nil {
			return nil, err
		}
		return nil, err
	}
	return facts, nil
}

func (c compiler) extract(packages []string) (*Facts, error) {
	if err := c.checkArchitecture(); err != nil {
		return nil, err
	}
	p, includes := c.port, prelude()
	preprocessed, err := c.run(includes, "-E", "-dD", "-o", "-", "-")
	if err != nil {
		return nil, err
	}
	macros := parseMacros(string(preprocessed), c.dirs)
	declared, err := c.declared(includes)
	if err != nil {
		return nil, err
	}
	from := maps.Clone(declared.enumerators)
	maps.Copy(from, macros) // #define FOO FOO beside an enumerator FOO is common
	names, used := wanted(from)
	for i, r := range rules {
		if !used[i] && !r.mayBeEmpty {
			return nil, &failure{p.goarch, r.include, "", fmt.Errorf("defines no name that fits %v", r.names)}
		}
	}
	for _, r := range structRules {
		if !r.mayBeEmpty && !slices.ContainsFunc(declared.structs, func(s Struct) bool { return s.Header == r.header }) {
			return nil, &failure{p.goarch, r.header, "", errors.New("declares no structure")}
		}
	}
	for _, n := range versionNames {
		if macros[n] == versionHeader {
			names[n] = versionHeader
		}
	}
	structs := make([]string, len(declared.structs))
	for i, s := range declared.structs {
		structs[i] = s.Name
	}
	values, extents, err := c.evaluate(includes, names, structs)
	if err != nil {
		return nil, err
	}
	facts := &Facts{Port: p.goarch, Target: p.target}
	if facts.Headers.Linux, err = linuxVersion(values); err != nil {
		return nil, &failure{p.goarch, versionHeader, "LINUX_VERSION_CODE", err}
	}
	facts.Headers.Package = choosePackage(packages, facts.Headers.Linux)
	for n, v := range values {
		if names[n] != versionHeader {
			facts.Constants = append(facts.Constants, newConstant(n, names[n], v))
		}
	}
	for _, s := range declared.structs {
		e := extents[s.Name]
		if e.size != s.Size {
			return nil, &failure{p.goarch, s.Header, "struct " + s.Name, fmt.Errorf("has %d bytes in the debug information and %d by sizeof", s.Size, e.size)}
		}
		s.Align = e.align
		facts.Structs = append(facts.Structs, s)
	}
	slices.SortFunc(facts.Constants, func(a, b Constant) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(facts.Structs, func(a, b Struct) int { return cmp.Compare(a.Name, b.Name) })
	return facts, facts.check()
}

// prelude includes every header that a rule names.
func prelude() string {
	headers := slices.Clone(needed)
	for _, r := range rules {
		if !slices.Contains(headers, r.include) {
			headers = append(headers, r.include)
		}
	}
	return includeAll(headers)
}

func includeAll(headers []string) string {
	var s strings.Builder
	for _, h := range headers {
		fmt.Fprintf(&s, "#include <%s>\n", h)
	}
	return s.String()
}

// checkArchitecture looks for the sign of the port's architecture in its
// headers.
func (c compiler) checkArchitecture() error {
	var s strings.Builder
	for _, h := range signHeaders {
		fmt.Fprintf(&s, "#if __has_include(<%s>)\n#include <%s>\n#endif\n", h, h)
	}
	out, err := c.run(s.String(), "-E", "-dD", "-o", "-", "-")
	if err != nil {
		return err
	}
	macros := parseMacros(string(out), c.dirs)
	var found []string
	for arch, sign := range signs {
		if _, ok := macros[sign]; ok {
			found = append(found, arch)
		}
	}
	if len(found) == 1 && found[0] == c.port.srcarch {
		return nil
	}
	what := "of no architecture that is known here"
	if len(found) > 0 {
		slices.Sort(found)
		what = "headers of " + strings.Join(found, " and ")
	}
	return &failure{c.port.goarch, signHeaders[0], signs[c.port.srcarch],
		fmt.Errorf("%s holds %s, not of %s", c.dirs[0], what, c.port.srcarch)}
}
