package bytesize

import (
	"flag"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]Size{
		"0":                    0,
		"1":                    1,
		"4096":                 4096,
		"64KiB":                64 << 10,
		"1MiB":                 1 << 20,
		"4GiB":                 4 << 30,
		"86TiB":                86 << 40,
		"3PiB":                 3 << 50,
		"15EiB":                15 << 60,
		"0EiB":                 0,
		"16383PiB":             16383 << 50,
		"18446744073709551615": math.MaxUint64,
		"18014398509481983KiB": 18014398509481983 << 10,
	} {
		if got, err := Parse(in); err != nil || got != want {
			t.Errorf("Parse(%q) = %d, %v, want %d", in, uint64(got), err, uint64(want))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, why := range map[string]string{
		"":                        "empty",
		"KiB":                     "digit",
		"-1":                      "digit",
		"+1":                      "digit",
		" 1":                      "digit",
		"1 ":                      "unit",
		"1 KiB":                   "unit",
		"1.5KiB":                  "unit",
		"64K":                     "unit",
		"64KB":                    "unit",
		"64kib":                   "unit",
		"64B":                     "unit",
		"64KiBs":                  "unit",
		"0x10":                    "unit",
		"1e3":                     "unit",
		"1_000":                   "unit",
		"010":                     "zero",
		"00":                      "zero",
		"٣":                       "digit",
		"16EiB":                   "64 bits",
		"18446744073709551616":    "64 bits",
		"18014398509481984KiB":    "64 bits",
		"99999999999999999999EiB": "64 bits",
	} {
		got, err := Parse(in)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("Parse(%q) = %d, %v, want an error about %q", in, uint64(got), err, why)
		} else if strings.Contains(err.Error(), "\n") || got != 0 {
			t.Errorf("Parse(%q) = %d, %q, want 0 and one line", in, uint64(got), err)
		}
	}
}

// checkSize holds n's two forms against the number itself.
func checkSize(t *testing.T, n Size) {
	t.Helper()
	if back, err := Parse(n.String()); err != nil || back != n {
		t.Errorf("%d is written %q, which reads as %d, %v", uint64(n), n, uint64(back), err)
	}
	// What Round shows is at most n, and less than a tenth of its unit below it.
	digits := strings.TrimRight(n.Round(), "KMGTPEiB")
	shown, ok := new(big.Rat).SetString(digits)
	if !ok {
		t.Fatalf("%d rounds to %q", uint64(n), n.Round())
	}
	unit := new(big.Rat).SetInt64(1)
	for i, name := range units {
		if strings.HasSuffix(n.Round(), name) {
			unit.SetInt(new(big.Int).Lsh(big.NewInt(1), uint(10*(i+1))))
		}
	}
	off := new(big.Rat).Sub(new(big.Rat).SetInt(new(big.Int).SetUint64(uint64(n))), shown.Mul(shown, unit))
	if off.Sign() < 0 || off.Cmp(unit.Quo(unit, big.NewRat(10, 1))) >= 0 {
		t.Errorf("%d rounds to %q, which is off by %s", uint64(n), n.Round(), off)
	}
	if len(digits) > 6 || strings.HasPrefix(digits, "1024") {
		t.Errorf("%d rounds to %q: another unit would be shorter", uint64(n), n.Round())
	}
}

func TestForms(t *testing.T) {
	for in, want := range map[Size][2]string{
		0:                 {"0", "0"},
		1023:              {"1023", "1023"},
		4095:              {"4095", "3.9KiB"},
		1024:              {"1KiB", "1KiB"},
		1536:              {"1536", "1.5KiB"},
		1<<20 - 1:         {"1048575", "1023.9KiB"},
		1 << 20:           {"1MiB", "1MiB"},
		1<<30 + 1<<20:     {"1025MiB", "1GiB"},
		math.MaxUint64:    {"18446744073709551615", "15.9EiB"},
		1 << 63:           {"8EiB", "8EiB"},
		127<<40 + 950<<30: {"130998GiB", "127.9TiB"},
	} {
		if in.String() != want[0] || in.Round() != want[1] {
			t.Errorf("%d: %q and %q, want %q", uint64(in), in, in.Round(), want)
		}
	}
}

func TestEverySizeReadsBack(t *testing.T) {
	for shift := range 64 {
		for _, d := range []int64{-1, 0, 1} {
			checkSize(t, Size(uint64(1)<<shift+uint64(d)))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range testgate.Rounds(10_000, 500) {
		checkSize(t, Size(r.Uint64()>>r.IntN(64)<<r.IntN(64)))
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0", "64KiB", "16EiB", "1 KiB", "18446744073709551615", "010"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			if n != 0 || strings.Contains(err.Error(), "\n") {
				t.Errorf("Parse(%q) = %d, %q, want 0 and one line", s, uint64(n), err)
			}
			return
		}
		checkSize(t, n)
		// The text names exactly n: compute it again with big numbers.
		number, power := s, 0
		for i, u := range units {
			if cut, ok := strings.CutSuffix(s, u); ok {
				number, power = cut, i+1
			}
		}
		want, ok := new(big.Int).SetString(number, 10)
		if !ok || want.Lsh(want, uint(10*power)).Cmp(new(big.Int).SetUint64(uint64(n))) != 0 {
			t.Errorf("Parse(%q) = %d, which is not what it says", s, uint64(n))
		}
	})
}

func TestFlag(t *testing.T) {
	n := Size(4096)
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Var(&n, "size", "")
	if err := flags.Parse([]string{"-size", "64KiB"}); err != nil || n != 64<<10 {
		t.Errorf("-size 64KiB gave %v, %v", n, err)
	}
	if err := flags.Parse([]string{"-size", "64KB"}); err == nil || n != 64<<10 {
		t.Errorf("-size 64KB gave %v, %v", n, err)
	}
}
