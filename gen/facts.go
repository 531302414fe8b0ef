package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Facts is what the headers say for one port: all that the second half knows.
type Facts struct {
	Port      string // GOARCH
	Target    string // clang's name of the port
	Headers   Origin
	Constants []Constant // sorted by name
	Structs   []Struct   // sorted by name
}

// Origin names the headers.
type Origin struct {
	Linux   string `json:"linux"`             // version of the kernel: 7.3.4
	Package string `json:"package,omitempty"` // source package and version, where it is known
}

func (o Origin) String() string {
	if o.Package == "" {
		return "Linux " + o.Linux
	}
	return fmt.Sprintf("Linux %s (%s)", o.Linux, o.Package)
}

// Constant is an integer constant: a macro or an enumerator.
type Constant struct {
	Name   string
	Header string // that defines it: linux/mman.h
	Type   string // u8 to u64, s8 to s64
	// Value is written as Go has it: hexadecimal, or decimal for a negative
	// number and for the number of a system call.
	Value string
}

// Struct is a structure.
type Struct struct {
	Name   string  `json:"name"`
	Header string  `json:"header"`
	Size   int64   `json:"size"`
	Align  int64   `json:"align"`
	Fields []Field `json:"fields"`
}

// Field is a member of a structure or of a union.
type Field struct {
	Name   string  `json:"name,omitempty"`
	Type   string  `json:"type"` // see readType
	Offset int64   `json:"offset"`
	Size   int64   `json:"size"`
	Fields []Field `json:"fields,omitempty"` // of an unnamed structure or union
}

func newConstant(name, header string, v value) Constant {
	c := Constant{Name: name, Header: header, Type: fmt.Sprintf("u%d", v.size*8)}
	if v.signed {
		c.Type = fmt.Sprintf("s%d", v.size*8)
	}
	switch {
	case v.signed && int64(v.bits) < 0:
		c.Value = strconv.FormatInt(int64(v.bits), 10)
	case strings.HasPrefix(name, "__NR_"):
		c.Value = strconv.FormatUint(v.bits, 10)
	default:
		c.Value = "0x" + strconv.FormatUint(v.bits, 16)
	}
	return c
}

// The file of a port: like Facts, with the constants by header and then by
// name, so that no header is written a hundred times.
type factsFile struct {
	Port      string                               `json:"goarch"`
	Target    string                               `json:"target"`
	Headers   Origin                               `json:"headers"`
	Constants map[string]map[string]constantInFile `json:"constants"`
	Structs   []Struct                             `json:"structs"`
}

type constantInFile struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// encode writes the file of a port: one line for each constant and each field,
// so that a difference between two versions can be read.
func (f *Facts) encode() []byte {
	var s strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&s, format+"\n", args...) }
	line("{")
	line(`"goarch": %s,`, quote(f.Port))
	line(`"target": %s,`, quote(f.Target))
	line(`"headers": %s,`, quote(f.Headers))
	line(`"constants": {`)
	byHeader := map[string][]Constant{}
	for _, c := range f.Constants {
		byHeader[c.Header] = append(byHeader[c.Header], c)
	}
	headers := slices.Sorted(maps.Keys(byHeader))
	for i, h := range headers {
		line(` %s: {`, quote(h))
		for j, c := range byHeader[h] {
			line(`  %s: {"type": %s, "value": %s}%s`, quote(c.Name), quote(c.Type), quote(c.Value), comma(j, len(byHeader[h])))
		}
		line(` }%s`, comma(i, len(headers)))
	}
	line("},")
	line(`"structs": [`)
	for i, st := range f.Structs {
		line(` {"name": %s, "header": %s, "size": %d, "align": %d, "fields": [`, quote(st.Name), quote(st.Header), st.Size, st.Align)
		for j, field := range st.Fields {
			line(`  %s%s`, quote(field), comma(j, len(st.Fields)))
		}
		line(` ]}%s`, comma(i, len(f.Structs)))
	}
	line("]")
	line("}")
	return []byte(s.String())
}

func comma(i, n int) string {
	if i == n-1 {
		return ""
	}
	return ","
}

// quote encodes what cannot fail to be encoded.
func quote(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// decodeFacts reads the file of a port.
func decodeFacts(text []byte) (*Facts, error) {
	var in factsFile
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, fmt.Errorf("something follows the facts")
	}
	f := &Facts{Port: in.Port, Target: in.Target, Headers: in.Headers, Structs: in.Structs}
	for header, list := range in.Constants {
		for name, c := range list {
			f.Constants = append(f.Constants, Constant{name, header, c.Type, c.Value})
		}
	}
	slices.SortFunc(f.Constants, func(a, b Constant) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Header, b.Header))
	})
	return f, f.check()
}

// check finds what cannot be a fact: it holds for what clang said and for what
// someone edited.
func (f *Facts) check() error {
	fail := func(header, symbol, format string, args ...any) error {
		return &failure{f.Port, header, symbol, fmt.Errorf(format, args...)}
	}
	if !slices.ContainsFunc(ports, func(p port) bool { return p.goarch == f.Port && p.target == f.Target }) {
		return fail("", "", "facts of an unknown port, target %q", f.Target)
	}
	if f.Headers.Linux == "" {
		return fail(versionHeader, "", "facts without a version of Linux")
	}
	for i, c := range f.Constants {
		if i > 0 && f.Constants[i-1].Name == c.Name {
			return fail(c.Header, c.Name, "also from %s", f.Constants[i-1].Header)
		}
		if ruleFor(c.Header, c.Name) < 0 {
			return fail(c.Header, c.Name, "no rule asks for it")
		}
		_, err := strconv.ParseUint(c.Value, 0, 64)
		if strings.HasPrefix(c.Value, "-") {
			_, err = strconv.ParseInt(c.Value, 0, 64)
		}
		if err != nil {
			return fail(c.Header, c.Name, "%w", err)
		}
	}
	for i, s := range f.Structs {
		if i > 0 && f.Structs[i-1].Name >= s.Name {
			return fail(s.Header, "struct "+s.Name, "twice, or not in its place")
		}
	}
	return nil
}

// readFactsDir reads the facts of ports from a directory.
func readFactsDir(dir string, ports []port) ([]*Facts, error) {
	var all []*Facts
	for _, p := range ports {
		path := filepath.Join(dir, p.goarch+".json")
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &failure{port: p.goarch, err: err}
		}
		f, err := decodeFacts(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if f.Port != p.goarch {
			return nil, fmt.Errorf("%s: has the facts of %s", path, f.Port)
		}
		all = append(all, f)
	}
	return all, nil
}
