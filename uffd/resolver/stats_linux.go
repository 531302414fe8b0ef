package resolver

import "github.com/pageslot/pageslot/uffd"

// Stats reads the counters. After the end they stay what they were.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loop == nil {
		return r.last
	}
	return r.stats()
}

func (r *Resolver) stats() Stats {
	c := r.loop.Counters()
	return Stats{
		Messages: c.Messages, Batches: c.Batches, Sleeps: c.Sleeps,
		Missing: c.Missing, Minor: c.Minor, Written: c.Written, Outside: c.Outside,
		Copies: c.Copies, Zeros: c.Zeros, Continues: c.Continues, Unprotects: c.Unprotects, Bytes: c.Bytes,
		Exists: c.Exists, Agains: c.Agains, Stale: c.Stale,
		Guards: c.Guards, Failed: c.Failed, Parked: c.Parked, Handed: c.Handed,
		Lost: c.Lost, Fulls: c.Fulls,
	}
}

// Ranges are those of the rules, in ascending order. One that was unmapped, with
// EVENT_UNMAP, is left out as soon as a thread has noticed.
func (r *Resolver) Ranges() []uffd.Range {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.service.mapped().ranges()
}
