package harness

import (
	"math"
	"slices"
)

// estimate is a median and an interval around it.
type estimate struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// wanted is the confidence of intervals, where there are enough values for it.
const wanted = 0.95

// estimateOf is the median of values and its interval, which goes from the k-th
// smallest to the k-th largest: see rank. There must be a value.
func estimateOf(values []float64) estimate {
	sorted := slices.Sorted(slices.Values(values))
	k, _ := rank(len(sorted))
	return estimate{Median: median(sorted), Low: sorted[k-1], High: sorted[len(sorted)-k]}
}

// median is that of sorted values.
func median(sorted []float64) float64 {
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}

// rank says which of n sorted values bound the interval of the median: the k-th
// smallest and the k-th largest. k is the largest for which the interval has the
// wanted confidence, and 1 if none has. That depends on no distribution: each
// value lies below the true median with probability 1/2, so the interval misses it
// if fewer than k values lie on one side.
func rank(n int) (k int, confidence float64) {
	// p is the probability that exactly i values lie below, tail that at most i do.
	p := math.Pow(0.5, float64(n))
	tail := p
	k, confidence = 1, 1-2*p
	for i := 1; i < n/2; i++ {
		p *= float64(n-i+1) / float64(i)
		tail += p
		if 1-2*tail < wanted {
			break
		}
		k, confidence = i+1, 1-2*tail
	}
	return k, max(confidence, 0)
}

// paired applies f to what was measured side by side.
func paired(c, g []float64, f func(c, g float64) float64) []float64 {
	all := make([]float64, len(c))
	for i := range c {
		all[i] = f(c[i], g[i])
	}
	return all
}
