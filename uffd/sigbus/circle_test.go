package sigbus

import "testing"

// Pages that fault a few times each are no circle; a circle is one, of whatever
// length, and with a beginning that does not belong to it.
func TestCircle(t *testing.T) {
	var c circle
	for i := range uint64(100_000) {
		for range 3 {
			if n := c.fault(i); n > 2 {
				t.Fatalf("page %d: %d", i, n)
			}
		}
	}
	for _, length := range []uint64{1, 2, 3, 7, 64, 1000} {
		for _, before := range []uint64{0, 1, 10, 5000} {
			var c circle
			for i := range before {
				c.fault(1<<32 + i)
			}
			faults := uint64(0)
			for c.fault(faults%length) < 16 {
				if faults++; faults > 4*(16*length+before)+16 {
					t.Errorf("a circle of %d after %d is not noticed", length, before)
					break
				}
			}
		}
	}
}
