package highlevel

import "fmt"

// LayoutError says which argument of a layout is at fault, and what would be
// right. It unwraps to ErrInvalid (a negative count, a page size that is
// no power of two) or to ErrAddressSpace (a layout that does not fit in the
// address space, or a slot in a slab).
type LayoutError struct {
	Field string // the field or argument, as it is spelt in Go
	Value string // what it was
	Want  string // what it must be
	Err   error  // the kind
}

// Error names the argument, its value and its limit.
func (e *LayoutError) Error() string {
	return fmt.Sprintf("layout: %s %s: %v: want %s", e.Field, e.Value, e.Err, e.Want)
}

// Unwrap returns the kind of the error.
func (e *LayoutError) Unwrap() error { return e.Err }

func invalid(field string, value any, want string) error {
	return &LayoutError{Field: field, Value: fmt.Sprint(value), Want: want, Err: ErrInvalid}
}

func tooLarge(field string, value, limit uint64) error {
	return &LayoutError{
		Field: field,
		Value: fmt.Sprint(value),
		Want:  fmt.Sprintf("at most %d bytes in whole pages", limit),
		Err:   ErrAddressSpace,
	}
}
