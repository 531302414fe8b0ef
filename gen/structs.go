package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pointers are the fields that hold the address of memory of the caller. In C
// all of them are plain __u64, so no rule can find them: this list is kept by
// hand. In Go such a field must be a pointer, because the garbage collector
// has to see it and because a stack moves.
var pointers = map[string]bool{
	"pm_scan_arg.vec":             true,
	"uffdio_copy.src":             true,
	"procmap_query.vma_name_addr": true,
	"procmap_query.build_id_addr": true,
}

// renderStructs writes the structures, which must be alike on all ports, with
// assertions of their sizes and offsets that the Go compiler checks.
func renderStructs(all []*Facts) (string, error) {
	first := all[0]
	for _, f := range all[1:] {
		if err := sameStructs(first, f); err != nil {
			return "", err
		}
	}
	w := structWriter{structs: map[string]Struct{}, types: map[string]string{}}
	for _, s := range first.Structs {
		w.structs[s.Name] = s
	}
	for _, s := range first.Structs {
		if err := w.structure(s); err != nil {
			return "", &failure{first.Port, s.Header, "struct " + s.Name, err}
		}
	}
	if len(first.Structs) == 0 {
		return "", nil
	}
	var out strings.Builder
	out.WriteString("import (\n\"structs\"\n\"unsafe\"\n)\n\n")
	out.WriteString(w.text.String())
	writeDoc(&out, "Sizes and offsets are those of C: a difference does not compile, as an index\nthat is out of range or a constant that overflows.")
	out.WriteString("var (\n" + w.asserts.String() + ")\n")
	return out.String(), nil
}

// sameStructs compares the structures of two ports. Alignment may differ: on
// 386 a __u64 is aligned to 4, and the end of a structure inside of a union
// with it.
func sameStructs(a, b *Facts) error {
	an, bn := structNames(a), structNames(b)
	if !slices.Equal(an, bn) {
		return &failure{port: b.Port, err: fmt.Errorf("has the structures %v, %s has %v", bn, a.Port, an)}
	}
	for i, s := range a.Structs {
		t := b.Structs[i]
		at, same := sameFields(s.Name, s.Fields, t.Fields)
		if s.Size != t.Size {
			at, same = "its size", false
		}
		if !same {
			return &failure{b.Port, t.Header, "struct " + t.Name, fmt.Errorf("differs from %s's: %s", a.Port, at)}
		}
	}
	return nil
}

func structNames(f *Facts) []string {
	names := make([]string, len(f.Structs))
	for i, s := range f.Structs {
		names[i] = s.Name
	}
	return names
}

// sameFields returns the first field that differs.
func sameFields(path string, a, b []Field) (string, bool) {
	if len(a) != len(b) {
		return path, false
	}
	for i, f := range a {
		g := b[i]
		at := path + "." + f.Name
		if f.Name != g.Name || f.Type != g.Type || f.Offset != g.Offset || (f.Type != "struct" && f.Size != g.Size) {
			return at, false
		}
		if at, same := sameFields(at, f.Fields, g.Fields); !same {
			return at, false
		}
	}
	return "", true
}

// structWriter collects Go types and the assertions about them.
type structWriter struct {
	structs map[string]Struct
	types   map[string]string // Go name -> C name
	text    strings.Builder
	asserts strings.Builder
}

// claim takes a Go name for a type.
func (w *structWriter) claim(goType, c string) error {
	if other, ok := w.types[goType]; ok {
		return fmt.Errorf("the type %s would stand for %s and %s", goType, other, c)
	}
	w.types[goType] = c
	return nil
}

func (w *structWriter) assert(expression string, value int64) {
	fmt.Fprintf(&w.asserts, "_ = [1]struct{}{}[%s-%d]\n", expression, value)
}

// structure writes a structure that has a name.
func (w *structWriter) structure(s Struct) error {
	goType := goName(s.Name)
	if err := w.claim(goType, "struct "+s.Name); err != nil {
		return err
	}
	var doc strings.Builder
	writeDoc(&doc, "%s is struct %s of %s.", goType, s.Name, s.Header)
	inner, err := w.body(&doc, goType, s.Name, s.Fields, s.Size)
	if err != nil {
		return err
	}
	w.text.WriteString(doc.String() + inner)
	w.assert(fmt.Sprintf("unsafe.Sizeof(%s{})", goType), s.Size)
	return nil
}

// body writes "type goType struct {...}" to s, and returns the types that
// belong to its fields. cPath is what C calls it.
func (w *structWriter) body(s *strings.Builder, goType, cPath string, fields []Field, size int64) (after string, err error) {
	fmt.Fprintf(s, "type %s struct {\n_ structs.HostLayout\n", goType)
	end, taken := int64(0), map[string]bool{}
	for _, f := range flatten(fields, 0) {
		at := cPath + "." + f.Name
		if f.Name == "" {
			return "", fmt.Errorf("%s has a union without a name, which the generator cannot express", cPath)
		}
		name := goName(f.Name)
		if taken[name] {
			return "", fmt.Errorf("%s: two fields would be %s", at, name)
		}
		taken[name] = true
		text, align, more, err := w.fieldType(goType+name, at, f)
		if err != nil {
			return "", err
		}
		after += more
		if f.Offset < end || f.Offset%align != 0 {
			return "", fmt.Errorf("%s at offset %d cannot be laid out in Go, which would put it elsewhere", at, f.Offset)
		}
		padding(s, f.Offset-end)
		fmt.Fprintf(s, "%s %s\n", name, text)
		w.assert(fmt.Sprintf("unsafe.Offsetof(%s{}.%s)", goType, name), f.Offset)
		end = f.Offset + f.Size
		if size > 0 && size%align != 0 {
			return "", fmt.Errorf("%s: %d bytes cannot be laid out in Go, which would round them up for it", at, size)
		}
	}
	if size > 0 {
		padding(s, size-end)
	}
	s.WriteString("}\n\n")
	return after, nil
}

// padding writes what Go's compiler, which aligns to 4 on some ports what C
// aligns to 8, must not be left to do.
func padding(s *strings.Builder, n int64) {
	if n > 0 {
		fmt.Fprintf(s, "_ [%d]byte\n", n)
	}
}

// flatten puts the members of structures without a name in their place, and
// the only member of a union in the place of the union.
func flatten(fields []Field, base int64) []Field {
	var flat []Field
	for _, f := range fields {
		f.Offset += base
		if (f.Name == "" && f.Type == "struct") || (f.Type == "union" && len(f.Fields) == 1) {
			flat = append(flat, flatten(f.Fields, f.Offset)...)
		} else {
			flat = append(flat, f)
		}
	}
	return flat
}

// fieldType gives the Go type of a field and its alignment (the largest of all
// ports), and the text of types that it needs. goType is the name for a type
// of its own.
func (w *structWriter) fieldType(goType, cPath string, f Field) (text string, align int64, more string, err error) {
	if pointers[cPath] {
		if f.Type != "u64" {
			return "", 0, "", fmt.Errorf("%s is on the list of pointers and of type %s", cPath, f.Type)
		}
		return "Pointer", 8, "", nil
	}
	switch f.Type {
	case "union":
		more, align, err = w.union(goType, cPath, f)
		return goType, align, more, err
	case "struct":
		if err := w.claim(goType, cPath); err != nil {
			return "", 0, "", err
		}
		var s strings.Builder
		writeDoc(&s, "%s is %s.", goType, cPath)
		after, err := w.body(&s, goType, cPath, f.Fields, f.Size)
		return goType, w.alignOf(f.Fields), s.String() + after, err
	}
	text, align, err = w.namedType(cPath, f.Type)
	return text, align, "", err
}

// namedType gives the Go type of a type that has a name in the facts.
func (w *structWriter) namedType(cPath, t string) (string, int64, error) {
	if elem, count, ok := strings.Cut(t, "["); ok {
		text, align, err := w.namedType(cPath, elem)
		return "[" + count + text, align, err
	}
	if name, ok := strings.CutPrefix(t, "struct "); ok {
		s, ok := w.structs[name]
		if !ok {
			return "", 0, fmt.Errorf("%s is a struct %s, which no rule asks for", cPath, name)
		}
		return goName(name), w.alignOf(s.Fields), nil
	}
	if size := scalar(t); size > 0 {
		sign := ""
		if t[0] == 'u' {
			sign = "u"
		}
		return fmt.Sprintf("%sint%d", sign, size*8), size, nil
	}
	return "", 0, fmt.Errorf("%s is of type %q, which the generator cannot express", cPath, t)
}

// scalar returns the size of a number in bytes, 0 for what is none.
func scalar(t string) int64 {
	if t == "" || (t[0] != 'u' && t[0] != 's') {
		return 0
	}
	switch bits, _ := strconv.Atoi(t[1:]); bits {
	case 8, 16, 32, 64:
		return int64(bits / 8)
	}
	return 0
}

// alignOf is the largest alignment that Go gives fields on any port. It need
// not be C's: a packed structure has 1 there.
func (w *structWriter) alignOf(fields []Field) int64 {
	align := int64(1)
	for _, f := range fields {
		t, _, _ := strings.Cut(f.Type, "[")
		if name, ok := strings.CutPrefix(t, "struct "); ok {
			align = max(align, w.alignOf(w.structs[name].Fields))
		} else {
			align = max(align, scalar(t), w.alignOf(f.Fields))
		}
	}
	return align
}

// union writes a union as words, with a method for each way to look at them.
func (w *structWriter) union(goType, cPath string, f Field) (string, int64, error) {
	word := w.alignOf(f.Fields)
	if f.Size%word != 0 {
		return "", 0, fmt.Errorf("%s: a union of %d bytes that is aligned to %d", cPath, f.Size, word)
	}
	if err := w.claim(goType, cPath); err != nil {
		return "", 0, err
	}
	var s, after strings.Builder
	writeDoc(&s, "%s is the union %s. Its methods look at the same bytes.", goType, cPath)
	fmt.Fprintf(&s, "type %s struct {\n_ structs.HostLayout\nRaw [%d]uint%d\n}\n\n", goType, f.Size/word, word*8)
	w.assert(fmt.Sprintf("unsafe.Sizeof(%s{})", goType), f.Size)
	for _, arm := range f.Fields {
		at := cPath + "." + arm.Name
		if arm.Name == "" || goName(arm.Name) == "Raw" {
			return "", 0, fmt.Errorf("%s cannot be the name of a method", cmp.Or(arm.Name, "an arm of "+cPath+" without a name"))
		}
		if pointers[at] {
			return "", 0, errors.New(at + " is a pointer in a union, which the garbage collector would not see")
		}
		// The length of an arm is not C's: on 386 it ends where the last field
		// does. It must only not be longer than the union.
		arm.Size = unpadded(arm)
		method := goName(arm.Name)
		text, _, more, err := w.fieldType(goType+method, at, arm)
		if err != nil {
			return "", 0, err
		}
		after.WriteString(more)
		writeDoc(&s, "%s is %s.", method, at)
		fmt.Fprintf(&s, "func (u *%s) %s() *%s {\nreturn (*%s)(unsafe.Pointer(u))\n}\n\n", goType, method, text, text)
		fmt.Fprintf(&w.asserts, "_ [unsafe.Sizeof(%s{}) - unsafe.Sizeof(*new(%s))]struct{}\n", goType, text)
	}
	return s.String() + after.String(), word, nil
}

// unpadded is the size of an arm: 0, which means that nobody asks, for a
// structure without a name.
func unpadded(arm Field) int64 {
	if arm.Type == "struct" {
		return 0
	}
	return arm.Size
}
