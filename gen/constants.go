package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// splitConstants parts the constants in those that all ports have with one
// value, and what is left for each port. The numbers of system calls are in
// neither.
func splitConstants(all []*Facts) (common []Constant, perPort map[string][]Constant) {
	type key struct{ name, value string }
	ports := map[key]int{}
	for _, f := range all {
		for _, c := range f.Constants {
			ports[key{c.Name, c.Value}]++
		}
	}
	perPort = map[string][]Constant{}
	for i, f := range all {
		for _, c := range f.Constants {
			switch {
			case isCall(c):
			case ports[key{c.Name, c.Value}] < len(all):
				perPort[f.Port] = append(perPort[f.Port], c)
			case i == 0:
				common = append(common, c)
			}
		}
	}
	return common, perPort
}

// isCall says whether c is the number of a system call.
func isCall(c Constant) bool {
	return rules[ruleFor(c.Header, c.Name)].title == callsTitle
}

// renderConstants writes a block for each rule. Untyped constants fit uintptr
// and uint on every port; int is too small for some of them on 32 bits. port is empty for
// the constants of all ports.
func renderConstants(list []Constant, port string, h *history) string {
	blocks := map[int][]Constant{}
	for _, c := range list {
		i := ruleFor(c.Header, c.Name)
		blocks[i] = append(blocks[i], c)
	}
	var s strings.Builder
	for _, i := range slices.Sorted(maps.Keys(blocks)) {
		writeDoc(&s, "%s", rules[i].title)
		s.WriteString("const (\n")
		for _, c := range blocks[i] {
			fmt.Fprintf(&s, "%s = %s%s\n", c.Name, c.Value, h.comment(c.Name, port))
		}
		s.WriteString(")\n\n")
	}
	return s.String()
}

// variants are names that package sys has on every port for calls that have
// another number, or none, on some: the first call that the port has.
var variants = []struct {
	name  string
	calls []string
}{
	// 32-bit ports have fcntl64 for what fcntl is elsewhere.
	{"nrFcntl", []string{"__NR_fcntl64", "__NR_fcntl"}},
	{"nrMemfdSecret", []string{"__NR_memfd_secret"}},
}

// renderCalls writes the numbers of the system calls of one port.
func renderCalls(f *Facts, h *history) (string, error) {
	have := map[string]string{}
	taken := map[string]string{}
	var s strings.Builder
	writeDoc(&s, "%s", callsTitle)
	s.WriteString("const (\n")
	for _, c := range f.Constants {
		if !isCall(c) {
			continue
		}
		name := "SYS_" + strings.ToUpper(strings.TrimPrefix(c.Name, "__NR_"))
		if other, ok := taken[name]; ok {
			return "", &failure{f.Port, c.Header, c.Name, fmt.Errorf("would be %s, as %s is", name, other)}
		}
		taken[name] = c.Name
		have[c.Name] = name
		fmt.Fprintf(&s, "%s = %s%s\n", name, c.Value, h.comment(c.Name, f.Port))
	}
	s.WriteString(")\n\n")
	writeDoc(&s, "Calls that have another number, or none, on some ports.")
	s.WriteString("const (\n")
	for _, v := range variants {
		number := "noSyscall"
		for _, call := range slices.Backward(v.calls) {
			if name, ok := have[call]; ok {
				number = name
			}
		}
		fmt.Fprintf(&s, "%s = %s\n", v.name, number)
	}
	s.WriteString(")\n")
	return s.String(), nil
}
