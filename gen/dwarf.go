package main

import (
	"bytes"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
)

// The preprocessor knows no structures and no enumerators. The debug
// information of a compiled file has both, with the files they are from.

// debugArgs have clang describe what is declared, used or not. DWARF 4 is what
// debug/dwarf reads without a section of line strings.
var debugArgs = []string{"-g", "-gdwarf-4", "-fno-eliminate-unused-debug-types", "-c", "-o", "-", "-"}

// declarations are the enumerators with their headers, and the structures that
// the rules want.
type declarations struct {
	enumerators map[string]string
	structs     []Struct
}

// declared compiles prelude and reads what it declares.
func (c compiler) declared(prelude string) (*declarations, error) {
	object, err := c.run(prelude+"\nint something;\n", debugArgs...)
	if err != nil {
		return nil, err
	}
	d, err := readDebug(object, c.dirs)
	if err != nil {
		var f *failure
		if errors.As(err, &f) {
			f.port = c.port.goarch
			return nil, f
		}
		return nil, &failure{port: c.port.goarch, err: fmt.Errorf("clang's debug information: %w", err)}
	}
	return d, nil
}

// readDebug reads the debug information of an object file.
func readDebug(object []byte, dirs []string) (*declarations, error) {
	file, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	data, err := file.DWARF()
	if err != nil {
		return nil, err
	}
	d := &declarations{enumerators: map[string]string{}}
	var files []*dwarf.LineFile
	headerAt := func(e *dwarf.Entry) string {
		i, ok := e.Val(dwarf.AttrDeclFile).(int64)
		if !ok || i < 0 || i >= int64(len(files)) || files[i] == nil {
			return ""
		}
		return headerOf(files[i].Name, dirs)
	}
	enumHeader := ""
	reader := data.Reader()
	for {
		e, err := reader.Next()
		if err != nil {
			return nil, err
		}
		if e == nil {
			return d, nil
		}
		switch e.Tag {
		case dwarf.TagCompileUnit:
			lines, err := data.LineReader(e)
			if err != nil {
				return nil, err
			}
			if lines == nil {
				return nil, errors.New("no line table")
			}
			files = lines.Files()
		case dwarf.TagEnumerationType:
			enumHeader = headerAt(e)
		case dwarf.TagEnumerator:
			if name, ok := e.Val(dwarf.AttrName).(string); ok {
				d.enumerators[name] = enumHeader
			}
		case dwarf.TagStructType:
			name, _ := e.Val(dwarf.AttrName).(string)
			header := headerAt(e)
			if name == "" || !wantsStruct(header, name) {
				continue
			}
			if opaque, _ := e.Val(dwarf.AttrDeclaration).(bool); opaque {
				continue
			}
			t, err := data.Type(e.Offset)
			if err != nil {
				return nil, &failure{header: header, symbol: "struct " + name, err: err}
			}
			fields, err := readFields(name, t.(*dwarf.StructType))
			if err != nil {
				return nil, &failure{header: header, symbol: "struct " + name, err: err}
			}
			d.structs = append(d.structs, Struct{Name: name, Header: header, Size: t.Size(), Fields: fields})
		}
	}
}

// readFields converts the members of a structure or union; path names it.
func readFields(path string, t *dwarf.StructType) ([]Field, error) {
	var fields []Field
	for _, m := range t.Field {
		at := path + "." + m.Name
		if m.BitSize != 0 {
			return nil, fmt.Errorf("%s is a bit field, which Go has not", at)
		}
		f := Field{Name: m.Name, Offset: m.ByteOffset, Size: m.Type.Size()}
		var err error
		if f.Type, f.Fields, err = readType(at, m.Type); err != nil {
			return nil, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

// readType names a type: u8 to u64 and s8 to s64, "struct x", "struct" and
// "union" for those without a name, and any of them with [n].
func readType(path string, t dwarf.Type) (string, []Field, error) {
	switch t := t.(type) {
	case *dwarf.TypedefType:
		return readType(path, t.Type)
	case *dwarf.QualType:
		return readType(path, t.Type)
	case *dwarf.UintType, *dwarf.UcharType:
		return fmt.Sprintf("u%d", t.Size()*8), nil, nil
	case *dwarf.IntType, *dwarf.CharType:
		return fmt.Sprintf("s%d", t.Size()*8), nil, nil
	case *dwarf.ArrayType:
		elem, fields, err := readType(path, t.Type)
		if err == nil && (fields != nil || t.Count < 0) {
			err = fmt.Errorf("%s is an array that the generator cannot express: %v", path, t)
		}
		return fmt.Sprintf("%s[%d]", elem, t.Count), nil, err
	case *dwarf.StructType:
		if t.StructName != "" {
			if t.Kind != "struct" {
				return "", nil, fmt.Errorf("%s is of the named type %s %s, which the generator cannot express", path, t.Kind, t.StructName)
			}
			return "struct " + t.StructName, nil, nil
		}
		fields, err := readFields(path, t)
		return t.Kind, fields, err
	}
	return "", nil, fmt.Errorf("%s has a type that the generator cannot express: %v", path, t)
}
