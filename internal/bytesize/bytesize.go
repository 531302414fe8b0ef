package bytesize

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// units are the names of the powers of 1024, the first of which is 1024 itself.
var units = []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// Size is a number of bytes. A pointer to one is a flag.Value.
type Size uint64

// Parse reads a whole number of bytes, or of one unit written right after it:
// "0", "4096", "64KiB", "4GiB". It takes nothing else: no sign, space, fraction
// or leading zero, and no "64K" or "64KB", which mean 64000 to some. The error
// is one line that names the text and what is wrong with it.
func Parse(s string) (Size, error) {
	digits := strings.TrimLeft(s, "0123456789")
	number, unit := s[:len(s)-len(digits)], digits
	switch {
	case s == "":
		return 0, fmt.Errorf("size %q: it is empty; write bytes (4096) or a unit (64KiB)", s)
	case number == "":
		return 0, fmt.Errorf("size %q: it does not begin with a digit; write bytes (4096) or a unit (64KiB)", s)
	case len(number) > 1 && number[0] == '0':
		return 0, fmt.Errorf("size %q: it begins with a zero", s)
	}
	shift := uint(0)
	if unit != "" {
		i := 0
		for i < len(units) && units[i] != unit {
			i++
		}
		if i == len(units) {
			return 0, fmt.Errorf("size %q: %q is not a unit; the units are %s, and no unit means bytes", s, unit, strings.Join(units, ", "))
		}
		shift = 10 * uint(i+1)
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || bits.Len64(n)+int(shift) > 64 && n != 0 {
		return 0, fmt.Errorf("size %q: it is larger than 64 bits can count (16EiB less one byte)", s)
	}
	return Size(n << shift), nil
}

// String writes n so that Parse gives it back: with the largest unit of which
// it is a whole number, or in bytes.
func (n Size) String() string {
	if n == 0 {
		return "0"
	}
	power := min(bits.TrailingZeros64(uint64(n))/10, len(units))
	if power == 0 {
		return strconv.FormatUint(uint64(n), 10)
	}
	return strconv.FormatUint(uint64(n)>>(10*power), 10) + units[power-1]
}

// Round writes n for a reader who wants the magnitude: at most one decimal, as
// in "4095", "1.5KiB", "127.9TiB". Parse does not read it back.
func (n Size) Round() string {
	power := (bits.Len64(uint64(n)) - 1) / 10
	if n < 1<<10 {
		return strconv.FormatUint(uint64(n), 10)
	}
	whole := uint64(n) >> (10 * power)
	rest := uint64(n) & (1<<(10*power) - 1)
	// Tenths, rounded down: "1024.0KiB" must not come out for 1MiB less a byte.
	// For EiB the rest has 60 bits, and ten times that are 64: it fits.
	tenths := rest * 10 >> (10 * power)
	if tenths == 0 {
		return strconv.FormatUint(whole, 10) + units[power-1]
	}
	return fmt.Sprintf("%d.%d%s", whole, tenths, units[power-1])
}

// Set is Parse for package flag.
func (n *Size) Set(s string) error {
	parsed, err := Parse(s)
	if err == nil {
		*n = parsed
	}
	return err
}
