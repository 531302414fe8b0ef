package wire

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/pageslot/pageslot/testgate"
)

const word = "psABCDEFGHIJKLMNOP"

// talk is what a machine says, frame by frame.
func talk(r *rand.Rand, n int) (frames []Frame, lines [][]byte) {
	kinds := []Kind{KindHello, KindOut, KindErr, KindFile, KindData, KindExit, KindBye}
	for i := range n {
		f := Frame{Number: i + 1, Job: r.IntN(5) - 1, Kind: kinds[r.IntN(len(kinds))]}
		if size := r.IntN(60); size > 0 {
			f.Payload = make([]byte, size)
			for k := range f.Payload {
				f.Payload[k] = byte(r.Uint32())
			}
		}
		frames = append(frames, f)
		lines = append(lines, f.Encode(word))
	}
	return frames, lines
}

func listen(console []byte) (frames []Frame, noise string, err error) {
	d := Decoder{Word: word}
	for _, line := range bytes.Split(console, []byte("\n")) {
		f, found, rest, err := d.Line(line)
		noise += string(rest)
		if err != nil {
			return frames, noise, err
		}
		if found {
			frames = append(frames, f)
		}
	}
	return frames, noise, nil
}

func same(a, b []Frame) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// The kernel talks between frames, in front of them and behind them, and the
// console adds carriage returns: nothing is lost and nothing is made up.
func TestNoiseBetweenFrames(t *testing.T) {
	for seed := range testgate.Rounds(uint64(300), 30) {
		r := rand.New(rand.NewPCG(seed, 1))
		frames, lines := talk(r, 1+r.IntN(20))
		var console, want bytes.Buffer
		for _, line := range lines {
			message := fmt.Sprintf("[ %d.%d] kernel @ps; %s", r.IntN(9), r.IntN(99), strings.Repeat("x", r.IntN(9)))
			switch r.IntN(3) {
			case 0:
				console.WriteString(message + "\r\n")
				want.WriteString(message)
			case 1: // without its end
				console.WriteString(message)
				want.WriteString(message)
			}
			console.Write(bytes.ReplaceAll(line, []byte("\n"), []byte("\r\n")))
			if r.IntN(3) == 0 {
				console.Truncate(console.Len() - 2)
				console.WriteString(message + "\r\n")
				want.WriteString(message)
			}
		}
		got, noise, err := listen(console.Bytes())
		if err != nil || !same(got, frames) || noise != want.String() {
			t.Fatalf("seed %d: got %v, noise %q, error %v", seed, got, noise, err)
		}
	}
}

// Whatever happens to the console, what is decoded before the error is what was
// said, in order and from the beginning.
func TestDamagedConsole(t *testing.T) {
	noticed, rounds := uint64(0), testgate.Rounds(uint64(2000), 200)
	for seed := range rounds {
		r := rand.New(rand.NewPCG(seed, 2))
		frames, lines := talk(r, 3+r.IntN(10))
		victim := r.IntN(len(lines) - 1) // not the last: the end of a console is missed by who waits for it
		line := lines[victim]
		at := 1 + r.IntN(len(line)-2)
		what := ""
		switch r.IntN(6) {
		case 0:
			what = "line lost"
			lines[victim] = nil
		case 1:
			what = "bytes lost"
			lines[victim] = append(append([]byte{}, line[:at]...), line[min(at+1+r.IntN(5), len(line)):]...)
		case 2:
			what = "byte changed"
			lines[victim] = append([]byte{}, line...)
			lines[victim][at] ^= byte(1 + r.IntN(127))
		case 3:
			what = "line twice"
			lines[victim] = append(append([]byte{}, line...), line...)
		case 4:
			what = "message in the middle"
			lines[victim] = []byte(string(line[:at]) + "[ 1.0] oops\n" + string(line[at:]))
		case 5:
			what = "lines swapped"
			lines[victim], lines[victim+1] = lines[victim+1], lines[victim]
		}
		got, _, err := listen(bytes.Join(lines, nil))
		if len(got) > len(frames) || !same(got, frames[:len(got)]) {
			t.Fatalf("seed %d, %s of frame %d: decoded %v from %v", seed, what, victim+1, got, frames)
		}
		if err == nil && len(got) < len(frames) {
			t.Fatalf("seed %d, %s of frame %d: %d of %d frames and no error", seed, what, victim+1, len(got), len(frames))
		}
		if err != nil {
			noticed++
		}
	}
	if noticed < rounds*3/4 {
		t.Errorf("only %d of %d damages were noticed", noticed, rounds)
	}
}

func TestWhatErrorsSay(t *testing.T) {
	_, lines := talk(rand.New(rand.NewPCG(1, 3)), 3)
	for want, console := range map[string][]byte{
		"frame 2 is lost: frame 3 came":        bytes.Join([][]byte{lines[0], lines[2]}, nil),
		"frame 1 came again":                   bytes.Join([][]byte{lines[0], lines[0]}, nil),
		"frame 1 is broken: it has no end":     lines[0][:len(lines[0])-2],
		"frame 1 is broken: its checksum":      bytes.Replace(lines[0], []byte(" 1 "), []byte(" 9 "), 1),
		"frame 1 is broken: it has 1 fields":   []byte("@" + word + " " + checksum([]byte("@"+word)) + ";"),
		"frame 1 is broken: its payload: ille": resign("@" + word + " 1 0 out ?"),
		"frame 1 is broken: its number: strco": resign("@" + word + " x 0 out -"),
		"frame 1 is broken: its job: strconv.": resign("@" + word + " 1 x out -"),
	} {
		if _, _, err := listen(console); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func resign(text string) []byte { return []byte(text + " " + checksum([]byte(text)) + ";") }

// Another machine's frames, or a program's that guesses, are noise.
func TestOtherWord(t *testing.T) {
	line := Frame{Number: 1, Kind: KindBye}.Encode("psOTHER")
	frames, noise, err := listen(line)
	if err != nil || len(frames) != 0 || noise != strings.Trim(string(line), "\n") {
		t.Errorf("got %v, noise %q, error %v", frames, noise, err)
	}
}

func FuzzDecoder(f *testing.F) {
	_, lines := talk(rand.New(rand.NewPCG(1, 4)), 4)
	f.Add(bytes.Join(lines, nil))
	f.Add([]byte("@" + word + " ;\n@" + word))
	f.Fuzz(func(t *testing.T, console []byte) {
		frames, _, _ := listen(console)
		for i, f := range frames {
			if f.Number != i+1 || !bytes.Contains(console, bytes.Trim(f.Encode(word), "\n")) && len(f.Payload) > 0 && f.Job >= 0 {
				t.Errorf("frame %d was never said: %v", i+1, f)
			}
		}
	})
}
