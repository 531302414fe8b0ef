package harness

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// The test program is the Go side too, and one that does not do what it should.
func TestMain(m *testing.M) {
	ways[impossibleWay] = way{features: 1 << 63}
	if err := admit(testPeers); err != nil {
		panic(err)
	}
	if len(os.Args) > 1 && os.Args[1] == workerWord {
		os.Exit(work(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "stranger" {
		stranger(os.Args[2])
	}
	os.Exit(m.Run())
}

// impossibleWay is one to serve faults that no kernel has.
const impossibleWay = "impossible"

func stranger(how string) {
	switch how {
	case "unsupported":
		fmt.Fprintln(os.Stderr, "no such thing")
		os.Exit(statusUnsupported)
	case "silent":
		os.Exit(0)
	case "fails":
		fmt.Fprintln(os.Stderr, "a reason")
		os.Exit(statusFailed)
	case "nonsense":
		fmt.Println("ready")
		var line string
		fmt.Scanln(&line)
		fmt.Println("about as fast")
	case "dies":
		fmt.Println("ready")
		var line string
		fmt.Scanln(&line)
		os.Exit(statusFailed)
	case "fails late":
		fmt.Println("ready")
		var line string
		fmt.Scanln(&line)
		fmt.Println("1.5 2.5 allocs=3")
		fmt.Println("ready")
		fmt.Scanln(&line)
		fmt.Fprintln(os.Stderr, "too late")
		os.Exit(statusFailed)
	}
	os.Exit(0)
}

func begin(t *testing.T, how string) (*worker, error) {
	t.Helper()
	t.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector waits a second at the end, and so does the harness
	cpu, err := pick(-1)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return start(cpu, 1, []string{self, "stranger", how}, 2)
}

func TestWorkersThatFailToStart(t *testing.T) {
	_, err := begin(t, "unsupported")
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("unsupported: %v", err)
	}
	for how, want := range map[string]string{"silent": "ready", "fails": "a reason"} {
		if _, err := begin(t, how); err == nil || errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", how, err, want)
		}
	}
}

func TestWorkersThatFailInASample(t *testing.T) {
	for how, want := range map[string]string{"nonsense": "no sample", "dies": "exit status 1"} {
		w, err := begin(t, how)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.sample(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", how, err, want)
		}
		if err := w.end(); err != nil {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestWorkerThatFailsAtItsEnd(t *testing.T) {
	w, err := begin(t, "fails late")
	if err != nil {
		t.Fatal(err)
	}
	values, allocs, err := w.sample()
	if err != nil || !slices.Equal(values, []float64{1.5, 2.5}) || allocs != 3 {
		t.Errorf("%v, %v, %v", values, allocs, err)
	}
	if err := w.end(); err == nil || !strings.Contains(err.Error(), "too late") {
		t.Errorf("%v", err)
	}
}

func TestParseSample(t *testing.T) {
	for _, bad := range []string{"", "1", "1 2 3", "1 x", "1 -2", "1 0", "1 NaN", "1 2 allocs=", "1 2 bytes=3"} {
		if values, _, err := parseSample(bad, 2); err == nil {
			t.Errorf("%q: %v", bad, values)
		}
	}
}

func TestPending(t *testing.T) {
	for text, want := range map[string]int{
		"pos:\t0\nflags:\t02\npending:\t16\ntotal:\t17\n": 16,
		"pending:\t0\n":  0,
		"pending:\tx\n":  -1,
		"total:\t3\n":    -1,
		"pending:\t2":    2,
		"":               -1,
		"pending:\t-2\n": -2,
	} {
		if got := pending([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestPick(t *testing.T) {
	cpu, err := pick(-1)
	if err != nil || cpu < 0 {
		t.Fatalf("%d, %v", cpu, err)
	}
	if again, err := pick(cpu); again != cpu || err != nil {
		t.Errorf("%d, %v; want %d", again, err, cpu)
	}
	if got, err := pick(1 << 20); err == nil {
		t.Errorf("got processor %d", got)
	}
}
