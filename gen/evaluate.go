package main

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// value is what an integer constant expression of C is.
type value struct {
	bits   uint64 // sign-extended
	size   uint32 // of its type, in bytes
	signed bool
}

// extent is size and alignment of a structure.
type extent struct{ size, align int64 }

// factSize is the size of struct fact in the C source below.
const factSize = 16

// factSource writes the C file that puts the value of every name into a
// section of its own, from where it is read without running anything: the
// machine that compiles need not be the port. Each name stands below a line
// mark with the name as its file, so that clang's messages name it.
func factSource(prelude string, names, structs []string) string {
	var s strings.Builder
	s.WriteString(prelude)
	s.WriteString("struct fact { unsigned long long value; unsigned size; unsigned is_signed; } __attribute__((packed, aligned(8)));\n")
	const fact = `__attribute__((used, section(".facts"))) const struct fact `
	for _, n := range names {
		// The assertion accepts integers only: a pointer has no |.
		fmt.Fprintf(&s, "# 1 \"sym:%s\"\n", n)
		fmt.Fprintf(&s, "_Static_assert(((%s) | 1) != 0, \"\"); ", n)
		fmt.Fprintf(&s, fact+"value_%s = { (unsigned long long)(%s), sizeof(%s), ((__typeof__((%s) + 0)) -1) < 0 };\n", n, n, n, n)
	}
	for _, n := range structs {
		fmt.Fprintf(&s, "# 1 \"sym:%s\"\n", n)
		fmt.Fprintf(&s, fact+"struct_%s = { sizeof(struct %s), _Alignof(struct %s), 0 };\n", n, n, n)
	}
	return s.String()
}

// evaluate has clang compute the names, in the context of prelude, and the
// extents of structures. from has the header of each name for messages. A name
// that is no integer constant is an error, and all such are reported.
func (c compiler) evaluate(prelude string, from map[string]string, structs []string) (map[string]value, map[string]extent, error) {
	list := slices.Sorted(maps.Keys(from))
	source := factSource(prelude, list, structs)
	out, messages, err := c.start(source, "-c", "-ferror-limit=0", "-fno-caret-diagnostics", "-o", "-", "-")
	if err != nil {
		return nil, nil, c.explainNames(messages, from, err)
	}
	values, extents, err := readFacts(out)
	if err != nil {
		return nil, nil, &failure{port: c.port.goarch, err: err}
	}
	for _, n := range list {
		if _, ok := values[n]; !ok {
			return nil, nil, &failure{c.port.goarch, from[n], n, errors.New("clang compiled it and its value is not in the object file")}
		}
	}
	for _, n := range structs {
		if _, ok := extents[n]; !ok {
			return nil, nil, &failure{port: c.port.goarch, symbol: "struct " + n, err: errors.New("clang compiled it and its size is not in the object file")}
		}
	}
	return values, extents, nil
}

// explainNames makes one error of all names that did not evaluate: the first
// message of each.
func (c compiler) explainNames(messages string, from map[string]string, err error) error {
	var errs []error
	seen := map[string]bool{}
	for line := range strings.Lines(messages) {
		m := symMark.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil || seen[m[1]] {
			continue
		}
		seen[m[1]] = true
		errs = append(errs, &failure{c.port.goarch, from[m[1]], m[1], fmt.Errorf("no integer constant: %s", m[2])})
	}
	if len(errs) == 0 {
		return c.explain(messages, err)
	}
	return errors.Join(errs...)
}

// readFacts reads the object file that clang made of factSource.
func readFacts(object []byte) (map[string]value, map[string]extent, error) {
	file, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, nil, fmt.Errorf("clang's object file: %w", err)
	}
	section := file.Section(".facts")
	if section == nil {
		return nil, nil, errors.New("clang's object file has no section .facts")
	}
	data, err := section.Data()
	if err != nil {
		return nil, nil, fmt.Errorf("clang's object file: %w", err)
	}
	// A relocation would mean that a value is an address, filled in later.
	for _, s := range file.Sections {
		if (s.Type == elf.SHT_REL || s.Type == elf.SHT_RELA) &&
			int(s.Info) < len(file.Sections) && file.Sections[s.Info] == section {
			return nil, nil, errors.New("clang's object file has relocations for .facts")
		}
	}
	symbols, err := file.Symbols()
	if err != nil {
		return nil, nil, fmt.Errorf("clang's object file: %w", err)
	}
	values, extents := map[string]value{}, map[string]extent{}
	for _, s := range symbols {
		if int(s.Section) >= len(file.Sections) || file.Sections[s.Section] != section {
			continue
		}
		if s.Value+factSize > uint64(len(data)) {
			return nil, nil, fmt.Errorf("clang's object file: %s lies outside of .facts", s.Name)
		}
		fact := data[s.Value : s.Value+factSize]
		first, second, third := file.ByteOrder.Uint64(fact), file.ByteOrder.Uint32(fact[8:]), file.ByteOrder.Uint32(fact[12:])
		if name, ok := strings.CutPrefix(s.Name, "value_"); ok {
			values[name] = value{bits: first, size: second, signed: third != 0}
		} else if name, ok := strings.CutPrefix(s.Name, "struct_"); ok {
			extents[name] = extent{size: int64(first), align: int64(second)}
		}
	}
	return values, extents, nil
}
