package highlevel

import "testing"

func TestDefaultConstraints(t *testing.T) {
	const tib = 1 << 40
	for _, test := range []struct {
		name        string
		space, page uint64
		slots       int
		size, guard uint64
	}{
		{"57 bits", 64 << 50, 4 * kib, 1000, 4 * gib, 32 * mib},
		{"48 bits", 256 * tib, 64 * kib, 1000, 4 * gib, 32 * mib},
		{"47 bits", 128 * tib, 4 * kib, 1000, 4 * gib, 32 * mib},
		{"42 bits, arm64 with 64 KiB pages", 4 * tib, 64 * kib, 254, 4 * gib, 32 * mib},
		{"40 bits, mips64", 1 * tib, 16 * kib, 63, 4 * gib, 32 * mib},
		{"39 bits, arm64 with three levels", 512 * gib, 4 * kib, 31, 4 * gib, 32 * mib},
		{"38 bits, riscv64 with Sv39", 256 * gib, 4 * kib, 31, 2 * gib, 16 * mib},
		{"32 bits under a 64-bit kernel", 4 * gib, 4 * kib, 31, 32 * mib, 256 * kib},
		{"32 bits, 3 GiB", 3 * gib, 4 * kib, 23, 32 * mib, 256 * kib},
		{"32 bits, mips", 2 * gib, 4 * kib, 31, 16 * mib, 128 * kib},
		{"32 bits, 64 KiB pages", 3 * gib, 64 * kib, 23, 32 * mib, 256 * kib},
		{"a toy", 16 * mib, 4 * kib, 31, 128 * kib, 4 * kib},
		{"too small", mib, 4 * kib, 3, 64 * kib, 4 * kib},
		{"nothing", 0, 4 * kib, 0, 64 * kib, 4 * kib},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := DefaultConstraints(test.space, test.page)
			want := Constraints{
				Slots: test.slots, MaxMemory: test.size, Reservation: test.size,
				Guard: test.guard, GuardBefore: true, PageSize: test.page,
			}
			if c != want {
				t.Errorf("got %+v, want %+v", c, want)
			}
		})
	}
}

// Whatever the space, the result is a layout, in its share of the space, in
// one slab or several.
func TestDefaultConstraintsFit(t *testing.T) {
	for bit := range 64 {
		for _, space := range []uint64{1<<bit - 1, 1 << bit, 1<<bit + 1<<bit/3} {
			for _, page := range []uint64{4 * kib, 16 * kib, 64 * kib} {
				c := DefaultConstraints(space, page)
				l, err := newLayout(c, all64)
				if err != nil {
					t.Fatalf("%d bytes, pages of %d: %v", space, page, err)
				}
				if c.Slots == 0 {
					if space >= 4*mib {
						t.Errorf("%d bytes, pages of %d: no slots", space, page)
					}
					continue
				}
				if l.Total > space/4 {
					t.Errorf("%d bytes, pages of %d: slots in %d bytes", space, page, l.Total)
				}
				slabs, err := l.split(DefaultSlabLimit, space)
				if err != nil {
					t.Errorf("%d bytes, pages of %d: %v", space, page, err)
				}
				if len(slabs) > 1 {
					t.Errorf("%d bytes, pages of %d: %d slabs", space, page, len(slabs))
				}
			}
		}
	}
}

// On this machine's own word the default is usable as it is.
func TestDefaultConstraintsHere(t *testing.T) {
	space := uint64(1) << 31
	if ^uintptr(0)>>32 != 0 {
		space <<= 16
	}
	l, err := NewLayout(DefaultConstraints(space, 4096))
	if err != nil || l.Slots < leastDefaultSlots {
		t.Errorf("%+v, %v", l, err)
	}
}
