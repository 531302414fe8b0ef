package main

import (
	"context"
	"strings"
	"time"

	"github.com/pageslot/pageslot/highlevel"
)

// runReport is the JSON object of "pageslot run". Sizes are in bytes.
type runReport struct {
	OK          bool      `json:"ok"`
	Interrupted bool      `json:"interrupted"`
	Failures    int64     `json:"failures"`
	First       []finding `json:"first_failures"`
	Seed        uint64    `json:"seed"`

	Image   imageReport `json:"image"`
	Slots   int         `json:"slots"`
	Workers int         `json:"workers"`
	Rounds  int         `json:"rounds"`
	Dirty   int         `json:"dirty"`
	Size    uint64      `json:"size"`

	MaxMemory   uint64 `json:"max_memory"`
	Reservation uint64 `json:"reservation"`
	Guard       uint64 `json:"guard"`
	PageSize    uint64 `json:"page_size"`
	Stripes     int    `json:"stripes"`
	OneStripe   string `json:"one_stripe_because,omitempty"`

	Seconds         float64 `json:"seconds"`
	Leases          uint64  `json:"leases"`
	LeasesPerSecond float64 `json:"leases_per_second"`
	Exhausted       uint64  `json:"found_nothing_free"`
	AcquiredAffine  uint64  `json:"acquired_affine"`
	AcquiredCold    uint64  `json:"acquired_cold"`
	AcquiredOther   uint64  `json:"acquired_other"`
	Acquire         times   `json:"acquire"`
	Reset           times   `json:"reset"`
	PagesDirtied    uint64  `json:"pages_dirtied"`
	BytesCompared   uint64  `json:"bytes_compared"`

	Faults          uint64                 `json:"faults_caught"`
	FaultsByAccess  map[string]uint64      `json:"faults_by_access"`
	FaultsByKind    map[string]uint64      `json:"faults_by_kind"`
	FaultsByPlace   map[string]placeReport `json:"faults_by_place"`
	VMALimit        int                    `json:"vma_limit"`
	WithDirtyLeases usageReport            `json:"with_dirty_leases"`
	WithAllSlots    usageReport            `json:"with_all_slots"`

	SlotsVerified   int     `json:"slots_verified"`
	VerifiedBytes   uint64  `json:"verified_bytes"`
	VerifiedSeconds float64 `json:"verified_seconds"`
}

type imageReport struct {
	File     string `json:"file"`
	Format   string `json:"format"`
	Segments int    `json:"segments"`
	Bytes    uint64 `json:"bytes"`
	Pages    uint64 `json:"pages"`        // that the image maps
	Data     uint64 `json:"data_pages"`   // of those, that hold something
	Offset   uint64 `json:"offset"`       // where they begin
	Second   uint64 `json:"second_pages"` // that the synthetic image maps
}

// times are quantiles of one operation in the workers' rounds.
type times struct {
	Count uint64        `json:"count"`
	P50   time.Duration `json:"p50_ns"`
	P99   time.Duration `json:"p99_ns"`
}

type placeReport struct {
	Caught        uint64 `json:"caught"`
	NotApplicable uint64 `json:"not_applicable"`
}

// usageReport is what the kernel counts for the pool at one moment.
type usageReport struct {
	Leases     int    `json:"leases"`
	Resident   uint64 `json:"resident"` // images' shared pages included
	Private    uint64 `json:"private"`  // what tenants wrote
	PageTables uint64 `json:"page_tables"`
	VMAs       int    `json:"vmas"`
}

func usageOf(u highlevel.Usage, leases int) usageReport {
	return usageReport{leases, u.Resident, u.Private, u.PageTables, u.VMAs}
}

// report puts together what is known at the end of a job, whole or not.
func (j *job) report(ctx context.Context) *runReport {
	var c counts
	var acquire, reset latency
	for _, w := range j.workers {
		c.add(&w.counts)
		acquire.merge(&w.acquire)
		reset.merge(&w.reset)
	}
	o, image := j.options, j.subjects[0].image
	page := j.geometry.page
	r := &runReport{
		Interrupted: ctx.Err() != nil && !j.whole,
		Failures:    j.findings.n.Load(), First: append([]finding{}, j.findings.first...),
		Seed: o.seed,
		Image: imageReport{
			File: j.file, Format: j.program.Format, Segments: len(j.program.Segments), Bytes: j.program.Size,
			Pages: image.Len() / page, Data: image.DataLen() / page, Offset: image.Offset(),
			Second: j.subjects[1].image.Len() / page,
		},
		Slots: o.slots, Workers: o.workers, Rounds: o.rounds, Dirty: o.dirty, Size: o.size,
		MaxMemory: j.geometry.max, Reservation: j.config.Reservation, Guard: j.geometry.guard, PageSize: page,
		Stripes: j.stats.Stripes,

		Seconds: j.worked.Seconds(),
		Leases:  c.leases, Exhausted: c.exhausted,
		AcquiredAffine: j.stats.AcquiredAffine, AcquiredCold: j.stats.AcquiredCold, AcquiredOther: j.stats.AcquiredOther,
		Acquire: timesOf(&acquire), Reset: timesOf(&reset),
		PagesDirtied: c.dirtied, BytesCompared: c.compared,

		FaultsByAccess: map[string]uint64{}, FaultsByKind: map[string]uint64{}, FaultsByPlace: map[string]placeReport{},
		VMALimit:        j.stats.VMALimit,
		WithDirtyLeases: usageOf(j.dirty, j.dirtyHeld), WithAllSlots: usageOf(j.full, j.fullHeld),

		SlotsVerified: j.seen, VerifiedBytes: j.verified, VerifiedSeconds: j.verification.Seconds(),
	}
	if r.Stripes <= 1 {
		r.OneStripe = oneStripeBecause()
	}
	if j.worked > 0 {
		r.LeasesPerSecond = float64(c.leases) / j.worked.Seconds()
	}
	for p, n := range c.caught {
		r.Faults += n
		r.FaultsByPlace[placeKeys[p]] = placeReport{n, c.notApplicable[p]}
	}
	for a, n := range c.caughtBy {
		r.FaultsByAccess[access(a).String()] = n
	}
	for k, n := range c.caughtKind {
		r.FaultsByKind[strings.ReplaceAll(highlevel.FaultKind(k).String(), " ", "_")] = n
	}
	r.OK = j.whole && r.Failures == 0
	return r
}

func timesOf(l *latency) times { return times{l.n, l.quantile(0.50), l.quantile(0.99)} }

// verdict is the last line.
func (r *runReport) verdict() string {
	switch {
	case r.OK:
		return "ok"
	case r.Failures > 0:
		s := "FAILED: " + countOf(int(r.Failures), "check") + " failed"
		if r.Failures >= mostFindings {
			s += ", and then the job gave up"
		}
		if r.Interrupted {
			s += ", and the job was interrupted"
		}
		return s + "; the first: " + r.First[0].String()
	}
	return "FAILED: interrupted before everything was verified; what was checked till then was right"
}
