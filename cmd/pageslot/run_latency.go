package main

import (
	"math"
	"math/bits"
	"time"
)

// latency counts durations in buckets that are at most 1/32 wide of what they hold,
// so a quantile is exact within about 3 %. It has a fixed size, and counting
// allocates nothing.
type latency struct {
	counts [59 * perOctave]uint64
	n      uint64
}

const perOctave = 32

func (l *latency) add(d time.Duration) {
	l.counts[bucket(uint64(max(d, 0)))]++
	l.n++
}

// merge adds what m has counted.
func (l *latency) merge(m *latency) {
	for i, n := range m.counts {
		l.counts[i] += n
	}
	l.n += m.n
}

// quantile is the duration that a share q of all counted ones does not exceed; 0 if
// nothing was counted.
func (l *latency) quantile(q float64) time.Duration {
	if l.n == 0 {
		return 0
	}
	rank := max(uint64(math.Ceil(q*float64(l.n))), 1)
	i, seen := 0, l.counts[0]
	for seen < rank {
		i++
		seen += l.counts[i]
	}
	return time.Duration(bucketTop(i))
}

// bucket is the number of the bucket for n: below 32 one for each n, from there on
// 32 for each power of two.
func bucket(n uint64) int {
	if n < perOctave {
		return int(n)
	}
	shift := bits.Len64(n) - bits.Len64(perOctave)
	return (shift+1)*perOctave + int(n>>shift) - perOctave
}

// bucketTop is the largest number in a bucket.
func bucketTop(i int) uint64 {
	if i < perOctave {
		return uint64(i)
	}
	shift := i/perOctave - 1
	return uint64(i%perOctave+perOctave+1)<<shift - 1
}
