package sigbus

// circle counts how often a page faults again, with the memory of one page: it
// remembers the page of the first fault, then that of the second, the fourth, the
// eighth... A function that goes round in a circle of pages comes past the one that is
// remembered, as often as one likes, when the next to remember is far enough.
// Without a circle each page faults a few times, and nothing is counted.
type circle struct {
	page   uint64 // remembered
	again  int    // how often it faulted since
	faults uint64 // of all pages
	next   uint64 // with which fault to remember another
}

// fault notes one, and tells how often its page is known to have faulted again.
func (c *circle) fault(page uint64) int {
	c.faults++
	if c.faults > 1 && page == c.page {
		c.again++
		return c.again
	}
	if c.faults >= c.next {
		c.page, c.again, c.next = page, 0, 2*c.faults
	}
	return 0
}
