package highlevel

// Slots are numbered twice: through the whole pool, in address order, and
// within their stripe. Free lists are kept for each stripe, in its own
// numbers; addresses are computed from the pool's. Confusing the two is how a
// purge once hit another tenant's slot (wasmtime #12910), so the conversion
// stands here alone.

// Stripe returns the stripe of slot i and the slot's number within it.
//
// Precondition: 0 <= i < l.Slots.
func (l Layout) Stripe(i int) (stripe, index int) {
	return i % l.Stripes, i / l.Stripes
}

// Slot returns the number in the pool of the slot with the given number within
// the stripe; it undoes Stripe.
//
// Precondition: 0 <= stripe < l.Stripes and 0 <= index < l.StripeSlots(stripe).
func (l Layout) Slot(stripe, index int) int {
	return index*l.Stripes + stripe
}

// StripeSlots returns how many slots a stripe has. Stripes differ by at most
// one; the first ones have the rest.
//
// Precondition: 0 <= stripe < l.Stripes.
func (l Layout) StripeSlots(stripe int) int {
	n := l.Slots / l.Stripes
	if stripe < l.Slots%l.Stripes {
		n++
	}
	return n
}
