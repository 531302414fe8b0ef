package procmaps

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// VMA is one mapping. The fields after Path are zero unless the input is smaps.
type VMA struct {
	Start, End uint64 // addresses
	Perms      string // rwxp or rwxs, - where a right is missing
	Offset     uint64 // bytes into the file
	Inode      uint64 // 0: anonymous
	Path       string
	Rss        uint64 // resident bytes
	Private    uint64 // resident bytes that only this process maps and has written
	Anonymous  uint64 // resident bytes that belong to no file
	Key        int    // protection key
	HasKey     bool   // the kernel and the processor have protection keys
	Flags      string // VmFlags, two letters each, with a space before and after each
}

// Has tells whether VmFlags has the two letters f.
func (v VMA) Has(f string) bool { return strings.Contains(v.Flags, " "+f+" ") }

// Parse reads maps or smaps.
func Parse(r io.Reader) ([]VMA, error) {
	var out []VMA
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), 1<<20)
	for n := 1; sc.Scan(); n++ {
		line := sc.Bytes()
		name, rest, ok := bytes.Cut(line, []byte(":"))
		if !ok || bytes.IndexByte(name, ' ') >= 0 || bytes.IndexByte(name, '-') >= 0 {
			v, err := parseHeader(string(line))
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			out = append(out, v)
			continue
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("line %d: %q before any mapping", n, line)
		}
		if err := out[len(out)-1].set(string(name), rest); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return out, sc.Err()
}

func parseHeader(line string) (VMA, error) {
	f := strings.Fields(line)
	if len(f) < 5 {
		return VMA{}, fmt.Errorf("%q: %d fields, want 5 or more", line, len(f))
	}
	lo, hi, ok := strings.Cut(f[0], "-")
	if !ok {
		return VMA{}, fmt.Errorf("%q: no address range", line)
	}
	var v VMA
	var errs [4]error
	v.Start, errs[0] = strconv.ParseUint(lo, 16, 64)
	v.End, errs[1] = strconv.ParseUint(hi, 16, 64)
	v.Perms = f[1]
	v.Offset, errs[2] = strconv.ParseUint(f[2], 16, 64)
	v.Inode, errs[3] = strconv.ParseUint(f[4], 10, 64)
	for _, err := range errs {
		if err != nil {
			return VMA{}, fmt.Errorf("%q: %w", line, err)
		}
	}
	v.Path = strings.Join(f[5:], " ")
	return v, nil
}

func (v *VMA) set(name string, rest []byte) error {
	switch name {
	case "VmFlags":
		v.Flags = " " + strings.Join(strings.Fields(string(rest)), " ") + " "
		return nil
	case "ProtectionKey":
		k, err := strconv.Atoi(string(bytes.TrimSpace(rest)))
		v.Key, v.HasKey = k, true
		return err
	}
	into := map[string]*uint64{"Rss": &v.Rss, "Anonymous": &v.Anonymous, "Private_Dirty": &v.Private}[name]
	if into == nil {
		return nil
	}
	num, unit, ok := strings.Cut(strings.TrimSpace(string(rest)), " ")
	kb, err := strconv.ParseUint(num, 10, 64)
	if err != nil || !ok || unit != "kB" {
		return fmt.Errorf("%s: %q is not a number of kB", name, rest)
	}
	*into = kb << 10
	return nil
}

// Within returns the mappings that touch [start, end), cut to it.
func Within(all []VMA, start, end uint64) []VMA {
	var out []VMA
	for _, v := range all {
		if v.End <= start || v.Start >= end {
			continue
		}
		if v.Start < start {
			if v.Inode != 0 {
				v.Offset += start - v.Start
			}
			v.Start = start
		}
		v.End = min(v.End, end)
		out = append(out, v)
	}
	return out
}
