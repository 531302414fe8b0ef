package harness

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// coverage is the probability that the median lies between the k-th smallest and
// the k-th largest of n, from all 2^n ways to lie below or above it.
func coverage(n, k int) float64 {
	inside := 0
	for way := range uint(1) << n {
		if below := bits.OnesCount(way); below >= k && n-below >= k {
			inside++
		}
	}
	return float64(inside) / float64(uint(1)<<n)
}

func TestRankIsTheNarrowestThatIsSureEnough(t *testing.T) {
	for n := 1; n <= 16; n++ {
		k, confidence := rank(n)
		if got := coverage(n, k); math.Abs(got-confidence) > 1e-9 {
			t.Errorf("n = %d: rank %d with confidence %v, in truth %v", n, k, confidence, got)
		}
		if n >= 6 && confidence < wanted {
			t.Errorf("n = %d: confidence %v", n, confidence)
		}
		if next := coverage(n, k+1); 2*k < n && next >= wanted {
			t.Errorf("n = %d: rank %d, but %d has %v", n, k, k+1, next)
		}
		if k < 1 || 2*k > n+1 {
			t.Errorf("n = %d: rank %d", n, k)
		}
	}
}

// Tables of the sign test have these.
func TestRankKnown(t *testing.T) {
	for n, want := range map[int]int{1: 1, 5: 1, 6: 1, 8: 1, 9: 2, 12: 3, 15: 4, 20: 6, 50: 18, 100: 40, maxRounds: 469} {
		if k, confidence := rank(n); k != want || confidence < 0 || confidence >= 1 {
			t.Errorf("rank(%d) = %d, %v; want %d", n, k, confidence, want)
		}
	}
}

func TestEstimate(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   estimate
	}{
		{[]float64{7}, estimate{7, 7, 7}},
		{[]float64{4, 2}, estimate{3, 2, 4}},
		{[]float64{9, 1, 8, 2, 7, 3, 6, 4, 5}, estimate{5, 2, 8}},
	} {
		before := slices.Clone(test.values)
		if got := estimateOf(test.values); got != test.want {
			t.Errorf("%v: %v, want %v", test.values, got, test.want)
		}
		if !slices.Equal(test.values, before) {
			t.Errorf("the values were changed: %v, before %v", test.values, before)
		}
	}
}

// The interval holds the true median as often as it says.
func TestIntervalHoldsTheMedian(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const tries, n = 4000, 9
	held := 0
	for range tries {
		values := make([]float64, n)
		for i := range values {
			values[i] = math.Exp(2 * random.NormFloat64()) // skewed, as times are; median 1
		}
		if e := estimateOf(values); e.Low <= 1 && 1 <= e.High {
			held++
		}
	}
	_, confidence := rank(n)
	if got := float64(held) / tries; math.Abs(got-confidence) > 0.015 {
		t.Errorf("held in %v of the tries, want %v", got, confidence)
	}
}
