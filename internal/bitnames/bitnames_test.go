package bitnames

import "testing"

func TestString(t *testing.T) {
	names := []Name{{1, "ONE"}, {1 << 40, "FAR"}, {4, "FOUR"}}
	for v, want := range map[uint64]string{
		0: "0", 1: "ONE", 5: "ONE|FOUR", 1<<40 | 4: "FAR|FOUR", 2: "0x2", 1 | 1<<63: "ONE|0x8000000000000000",
	} {
		if got := String(v, names); got != want {
			t.Errorf("%#x: %q, want %q", v, got, want)
		}
	}
	if got := String(6, nil); got != "0x6" {
		t.Errorf("without names: %q", got)
	}
}
