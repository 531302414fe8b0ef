package highlevel

// Density returns how many slots this layout puts where one slot would be
// without protection keys, in the long run: guards at the ends of slabs are
// left out. It is 1 with one stripe, and at most Stripes.
func (l Layout) Density() float64 {
	if l.SlotBytes == 0 {
		return 1
	}
	return float64(l.Faulting) / float64(l.SlotBytes)
}

// WithoutKeys returns how many of the same slots fit, without protection keys,
// into the bytes that this layout takes as one slab. Small pools gain less
// than Density says, since the guard after the last slot is large.
func (l Layout) WithoutKeys() int {
	if l.Stripes == 1 {
		return l.Slots
	}
	return int((l.Total - l.PreGuard) / l.Faulting)
}
