package pkey

import (
	"errors"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/pageslot/pageslot/sys"
)

// machine plays a kernel and a processor that are not there.
type machine struct {
	keys     int     // how many there are, key 0 among them; 0: none
	taken    uint32  // the allocation map
	hidden   uint32  // taken by the kernel for itself: not seen as allocated
	noKeys   []error // what pkey_alloc says without keys, the last for ever
	colour   error   // what pkey_mprotect says, before anything else
	freedBy  int     // the how-manieth pkey_mprotect another thread frees a key before
	asked    []uint  // the rights of each pkey_alloc
	coloured int     // pkey_mprotect calls
}

func (m *machine) kernel() kernel {
	return kernel{
		alloc: func(flags, rights uint) (int, error) {
			m.asked = append(m.asked, rights)
			if flags != 0 {
				return -1, unix.EINVAL
			}
			if m.noKeys != nil {
				return -1, m.noKeys[min(len(m.asked), len(m.noKeys))-1]
			}
			for k := range m.keys {
				if m.taken>>k&1 == 0 {
					m.taken |= 1 << k
					return k, nil
				}
			}
			return -1, unix.ENOSPC
		},
		free: func(key int) error {
			if m.taken>>key&1 == 0 {
				return unix.EINVAL
			}
			m.taken &^= 1 << key
			return nil
		},
		protect: func(addr, length uintptr, prot, key int) error {
			m.coloured++
			if m.freedBy > 0 && m.coloured == m.freedBy {
				m.taken &^= 0xfffe
			}
			switch {
			case m.colour != nil:
				return m.colour
			case m.taken&^m.hidden>>key&1 == 0:
				return unix.EINVAL
			}
			return nil
		},
	}
}

func TestOnOtherMachines(t *testing.T) {
	for _, test := range []struct {
		name      string
		m         machine
		supported error // nil: yes
		allocated error
	}{
		{"x86 with keys", machine{keys: 16, taken: 1}, nil, nil},
		{"x86, one key left", machine{keys: 16, taken: 0x7fff}, nil, nil},
		{"x86, all taken", machine{keys: 16, taken: 0xffff}, nil, ErrExhausted},
		{"x86, all taken, one for execute-only memory", machine{keys: 16, taken: 0xffff, hidden: 2}, nil, ErrExhausted},
		{"arm64, all taken", machine{keys: 8, taken: 0xff}, nil, ErrExhausted},
		{"ppc64, all taken", machine{keys: 32, taken: ^uint32(0), hidden: 0x8000000e}, nil, ErrExhausted},
		{"x86 without keys", machine{taken: 1, hidden: 1, noKeys: []error{unix.EINVAL, unix.ENOSPC}}, errors.ErrUnsupported, errors.ErrUnsupported},
		{"x86 without keys, asked before", machine{taken: 1, hidden: 1, noKeys: []error{unix.ENOSPC}}, errors.ErrUnsupported, errors.ErrUnsupported},
		{"x86 without keys, newer", machine{taken: 1, noKeys: []error{unix.ENOSPC}}, errors.ErrUnsupported, errors.ErrUnsupported},
		{"no such call", machine{noKeys: []error{unix.ENOSYS}}, errors.ErrUnsupported, errors.ErrUnsupported},
		{"filtered", machine{noKeys: []error{unix.EPERM}}, unix.EPERM, unix.EPERM},
		{"all taken, and the colour filtered", machine{keys: 16, taken: 0xffff, colour: unix.EPERM}, unix.EPERM, unix.EPERM},
		{"all taken, and freed before we look", machine{keys: 16, taken: 0xffff, freedBy: 1}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, ask := range []struct {
				what string
				want error
				call func(kernel) error
			}{
				{"Supported", test.supported, kernel.supported},
				{"Alloc", test.allocated, func(k kernel) error { _, err := k.allocate(); return err }},
			} {
				m := test.m
				before := m.taken
				err := ask.call(m.kernel())
				if !errors.Is(err, ask.want) || (err == nil) != (ask.want == nil) {
					t.Errorf("%s: %v, want %v", ask.what, err, ask.want)
				}
				if want := errors.ErrUnsupported; ask.want != want && errors.Is(err, want) {
					t.Errorf("%s: %v claims to know that there are no keys", ask.what, err)
				}
				if slices.ContainsFunc(m.asked, func(rights uint) bool { return rights != sys.PKEY_DISABLE_ACCESS }) || len(m.asked) == 0 {
					t.Errorf("%s asked for keys with rights %v", ask.what, m.asked)
				}
				if ask.what == "Supported" && m.taken != before && m.freedBy == 0 {
					t.Errorf("keys %#x, before %#x: the probe's key was not freed", m.taken, before)
				}
			}
		})
	}
	if !errors.Is(ErrExhausted, unix.ENOSPC) || errors.Is(ErrExhausted, errors.ErrUnsupported) {
		t.Error("ErrExhausted is ENOSPC and not unsupported")
	}
}

// A probe whose key cannot be given back says so.
func TestSupportedThatCannotFree(t *testing.T) {
	k := (&machine{keys: 16, taken: 1}).kernel()
	k.free = func(int) error { return unix.EPERM }
	if err := k.supported(); !errors.Is(err, unix.EPERM) || errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// EPERM is the answer of a machine without keys, or of somebody who forbids the
// call.
func TestFreeRefused(t *testing.T) {
	for name, test := range map[string]struct {
		m    machine
		want error
	}{
		"no keys": {machine{noKeys: []error{unix.ENOSPC}, colour: unix.EINVAL}, ErrNotAllocated},
		"a ban":   {machine{keys: 16, taken: 1}, unix.EPERM},
	} {
		k := test.m.kernel()
		free := k.free
		k.free = func(key int) error {
			if key == 3 {
				return unix.EPERM
			}
			return free(key)
		}
		err := Key(3).free(k)
		if !errors.Is(err, test.want) || errors.Is(err, ErrNotAllocated) != (test.want == ErrNotAllocated) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}
