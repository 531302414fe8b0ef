package uffd

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/sys"
	"github.com/pageslot/pageslot/testgate"
)

// constants reads the generated numbers of package sys whose names begin with
// prefix. Where a port has its own value any of them will do.
func constants(t *testing.T, prefix string) map[string]uint64 {
	t.Helper()
	files, err := filepath.Glob("../sys/zconst_linux*.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		testgate.Skip(t, testgate.Source, "../sys is not there")
	}
	found := map[string]uint64{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range spec.Names {
				rest, ok := strings.CutPrefix(id.Name, prefix)
				if !ok {
					continue
				}
				lit, ok := spec.Values[i].(*ast.BasicLit)
				if !ok {
					t.Fatalf("%s: %s is not a literal", name, id.Name)
				}
				v, err := strconv.ParseUint(lit.Value, 0, 64)
				if err != nil {
					t.Fatal(err)
				}
				found[rest] = v
			}
			return true
		})
	}
	return found
}

// Whatever the generator finds in newer headers must get a name here.
func TestEveryFeatureHasItsName(t *testing.T) {
	features := constants(t, "UFFD_FEATURE_")
	if len(features) < 19 {
		t.Fatalf("only %d features found", len(features))
	}
	for name, bit := range features {
		if got := Features(bit).String(); got != name {
			t.Errorf("%#x is %q, the kernel calls it %q", bit, got, name)
		}
	}
	if len(features) != len(featureNames) {
		t.Errorf("%d features have names, the kernel has %d", len(featureNames), len(features))
	}
}

func TestEveryIoctlHasItsName(t *testing.T) {
	numbers := constants(t, "_UFFDIO_")
	if len(numbers) < 12 {
		t.Fatalf("only %d ioctls found", len(numbers))
	}
	for name, number := range numbers {
		if got := Ioctls(1 << number).String(); got != name {
			t.Errorf("ioctl %d is %q, the kernel calls it %q", number, got, name)
		}
	}
	if len(numbers) != len(ioctlNames) {
		t.Errorf("%d ioctls have names, the kernel has %d", len(ioctlNames), len(numbers))
	}
}

func TestEveryModeHasItsName(t *testing.T) {
	modes := constants(t, "UFFDIO_REGISTER_MODE_")
	if len(modes) < 4 {
		t.Fatalf("only %d modes found", len(modes))
	}
	for name, bit := range modes {
		if got := Mode(bit).String(); got != name {
			t.Errorf("%#x is %q, the kernel calls it %q", bit, got, name)
		}
	}
	if len(modes) != len(modeNames) {
		t.Errorf("%d modes have names, the kernel has %d", len(modeNames), len(modes))
	}
	all := ModeMissing | ModeMinor
	if !all.Has(ModeMinor) || all.Has(ModeMinor|ModeWP) || (all|1<<40).String() != "MISSING|MINOR|0x10000000000" || Mode(0).String() != "0" {
		t.Errorf("%v, %v", all|1<<40, Mode(0))
	}
}

func TestEveryEventHasItsName(t *testing.T) {
	events := constants(t, "UFFD_EVENT_")
	if len(events) < 5 {
		t.Fatalf("only %d events found", len(events))
	}
	for name, number := range events {
		if got := EventKind(number).String(); got != name {
			t.Errorf("%#x is %q, the kernel calls it %q", number, got, name)
		}
	}
	named := 0
	for k := range 256 {
		if !strings.HasPrefix(EventKind(k).String(), "EventKind(") {
			named++
		}
	}
	if named != len(events) {
		t.Errorf("%d events have names, the kernel has %d", named, len(events))
	}
}

func TestEveryFaultFlagHasItsName(t *testing.T) {
	flags := constants(t, "UFFD_PAGEFAULT_FLAG_")
	if len(flags) < 4 {
		t.Fatalf("only %d flags found", len(flags))
	}
	for name, bit := range flags {
		if got := FaultFlags(bit).String(); got != name {
			t.Errorf("%#x is %q, the kernel calls it %q", bit, got, name)
		}
	}
	if len(flags) != len(faultNames) {
		t.Errorf("%d flags have names, the kernel has %d", len(faultNames), len(flags))
	}
	if f := FaultWrite | FaultWP; !f.Has(FaultWP) || f.Missing() || !FaultWrite.Missing() || f.Has(FaultMinor) {
		t.Errorf("%v", f)
	}
}

// Every flag of an ioctl is reached by a flag of this package, or by a method of
// its own.
func TestEveryIoctlFlagIsReached(t *testing.T) {
	reached := map[string]bool{
		"WRITEPROTECT_MODE_WP": true, // WriteProtect
		"RWPROTECT_MODE_RWP":   true, // RWProtect
	}
	for name, bits := range map[string][]uint64{
		"COPY":         modeBits(DontWake|Protected, sys.UFFDIO_COPY_MODE_DONTWAKE, sys.UFFDIO_COPY_MODE_WP, 0),
		"ZEROPAGE":     modeBits(DontWake, sys.UFFDIO_ZEROPAGE_MODE_DONTWAKE, 0, 0),
		"CONTINUE":     modeBits(DontWake|Protected, sys.UFFDIO_CONTINUE_MODE_DONTWAKE, sys.UFFDIO_CONTINUE_MODE_WP, 0),
		"POISON":       modeBits(DontWake, sys.UFFDIO_POISON_MODE_DONTWAKE, 0, 0),
		"MOVE":         modeBits(DontWake|AllowHoles, sys.UFFDIO_MOVE_MODE_DONTWAKE, 0, sys.UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES),
		"WRITEPROTECT": modeBits(DontWake, sys.UFFDIO_WRITEPROTECT_MODE_DONTWAKE, 0, 0),
		"RWPROTECT":    modeBits(DontWake, sys.UFFDIO_RWPROTECT_MODE_DONTWAKE, 0, 0),
	} {
		found := constants(t, "UFFDIO_"+name+"_MODE_")
		if len(found) == 0 {
			t.Errorf("%s has no flags", name)
		}
		for flag, bit := range found {
			if full := name + "_MODE_" + flag; !reached[full] && !slices.Contains(bits, bit) {
				t.Errorf("UFFDIO_%s is not reached", full)
			}
		}
	}
}

// modeBits are the bits that each of some flags becomes.
func modeBits(flags Flags, dontWake, protected, allowHoles uint64) (bits []uint64) {
	for _, f := range []Flags{DontWake, Protected, AllowHoles} {
		if flags&f != 0 {
			if bit, err := f.mode(dontWake, protected, allowHoles); err == nil {
				bits = append(bits, bit)
			}
		}
	}
	return bits
}
