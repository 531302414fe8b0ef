package pagemap

import "github.com/pageslot/pageslot/uffd"

// walk calls scan until it has seen all of r, and f with what it found, joined. It
// is apart from the kernel so that a test can be the kernel.
func walk(scan func(uffd.Range, Query, []Region) (int, uint64, error), r uffd.Range, q Query, buf []Region, f func(Region) error) error {
	limited := q.MaxPages != 0
	var held Region // the last one found, which may grow yet; none while End is 0
	for {
		n, end, err := scan(r, q, buf)
		for _, next := range buf[:n] {
			if held.End == next.Start && held.Categories == next.Categories {
				held.End = next.End
				continue
			}
			if held.End != 0 {
				if err := f(held); err != nil {
					return err
				}
			}
			held = next
		}
		done := end >= r.End()
		if limited {
			q.MaxPages -= min(q.MaxPages, pages(buf[:n]))
			done = done || q.MaxPages == 0
		}
		if err == nil && !done && end <= r.Start {
			err = ErrHugePage // which scan says itself, but this must not go on for ever
		}
		if err != nil || done {
			if held.End != 0 {
				if err := f(held); err != nil {
					return err
				}
			}
			return err
		}
		r = uffd.Between(end, r.End())
	}
}
