package bitnames

import "fmt"

// Name is a bit, or several, and their name.
type Name struct {
	Bit  uint64
	Name string
}

// String gives the names of the bits in v in the order of names, joined by "|",
// and the rest in hexadecimal; "0" for none.
func String(v uint64, names []Name) string {
	if v == 0 {
		return "0"
	}
	var s string
	for _, n := range names {
		if v&n.Bit != 0 {
			s += "|" + n.Name
			v &^= n.Bit
		}
	}
	if v != 0 {
		s += fmt.Sprintf("|%#x", v)
	}
	return s[1:]
}
