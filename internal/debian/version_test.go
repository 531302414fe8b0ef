package debian

import (
	"os/exec"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

// ordered are versions, each newer than the one before it.
var ordered = []string{
	"0~", "0", "1~~", "1~rc1", "1~rc2", "1~rc10", "1", "1-0.1", "1-1~bpo12+1", "1-1", "1-1a", "1-1+b1", "1-1.1", "1-2", "1-10",
	"1a", "1+deb12", "1.0~x", "1.0.1", "1.1", "1.9", "1.10",
	"6.1.170-3", "6.1.176-1", "6.12.94-1", "6.12.107-1", "7.3~rc7-1~exp1", "7.3-1~bpo13+1", "7.3-1", "7.3.4-1~bpo13+1", "7.3.4-1",
	"99999999999999999999.1", "99999999999999999999.2", "1:0.1~a", "1:0.1", "2:0",
}

func TestCompareVersions(t *testing.T) {
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := compareVersions(a, b); got != want {
				t.Errorf("compare %s with %s: got %d, want %d", a, b, got, want)
			}
		}
	}
	for _, same := range [][2]string{{"1.0", "1.00"}, {"0:1", "1"}, {"1-0", "1"}, {"1.007", "1.7"}} {
		if c := compareVersions(same[0], same[1]); c != 0 {
			t.Errorf("compare %s with %s: got %d, want 0", same[0], same[1], c)
		}
	}
}

// dpkg is the judge of the table above.
func TestCompareVersionsAsDpkg(t *testing.T) {
	needApt(t)
	for i, b := range ordered[1:] {
		if a := ordered[i]; exec.Command("dpkg", "--compare-versions", a, "lt", b).Run() != nil {
			t.Errorf("dpkg does not think that %s is older than %s", a, b)
		}
	}
}

// needApt skips where there is no apt.
func needApt(t *testing.T) {
	t.Helper()
	for _, name := range []string{"apt-get", "dpkg-deb", "dpkg"} {
		if _, err := tool(name); err != nil {
			testgate.Skip(t, testgate.Apt, err.Error())
		}
	}
}

func FuzzCompareVersions(f *testing.F) {
	for i := range ordered[1:] {
		f.Add(ordered[i], ordered[i+1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if compareVersions(a, b) != -compareVersions(b, a) || compareVersions(a, a) != 0 {
			t.Errorf("the order of %q and %q depends on who comes first", a, b)
		}
	})
}
