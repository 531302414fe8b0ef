package highlevel

import (
	"math/rand/v2"
	"testing"
)

// Every slot has exactly one number in exactly one stripe.
func TestStripeIsABijection(t *testing.T) {
	for slots := range 70 {
		for stripes := 1; stripes <= max(1, min(slots, 16)); stripes++ {
			l := Layout{Slots: slots, Stripes: stripes}
			type place struct{ stripe, index int }
			seen := make(map[place]int)
			for i := range slots {
				stripe, index := l.Stripe(i)
				if stripe < 0 || stripe >= stripes || index < 0 || index >= l.StripeSlots(stripe) {
					t.Fatalf("%d slots, %d stripes: slot %d is number %d of stripe %d, which has %d",
						slots, stripes, i, index, stripe, l.StripeSlots(stripe))
				}
				if other, ok := seen[place{stripe, index}]; ok {
					t.Fatalf("%d slots, %d stripes: slots %d and %d are both number %d of stripe %d",
						slots, stripes, other, i, index, stripe)
				}
				seen[place{stripe, index}] = i
				if got := l.Slot(stripe, index); got != i {
					t.Fatalf("%d slots, %d stripes: slot %d comes back as %d", slots, stripes, i, got)
				}
			}
			sum, least, most := 0, slots, 0
			for s := range stripes {
				n := l.StripeSlots(s)
				sum, least, most = sum+n, min(least, n), max(most, n)
			}
			if sum != slots || most-least > 1 {
				t.Fatalf("%d slots, %d stripes: stripes of %d to %d slots, %d in all", slots, stripes, least, most, sum)
			}
		}
	}
}

// Neighbours in address order never share a stripe, and the next slot of the
// same stripe is exactly Stripes away.
func TestStripesTakeTurns(t *testing.T) {
	for range 1000 {
		stripes := 2 + rand.IntN(20)
		l := Layout{Slots: stripes + rand.IntN(10_000), Stripes: stripes}
		i := rand.IntN(l.Slots)
		stripe, index := l.Stripe(i)
		for d := 1; d < stripes && i+d < l.Slots; d++ {
			if s, _ := l.Stripe(i + d); s == stripe {
				t.Fatalf("%+v: slots %d and %d share stripe %d", l, i, i+d, s)
			}
		}
		if i+stripes < l.Slots {
			if got := l.Slot(stripe, index+1); got != i+stripes {
				t.Fatalf("%+v: after slot %d the next of stripe %d is %d", l, i, stripe, got)
			}
		}
	}
}
