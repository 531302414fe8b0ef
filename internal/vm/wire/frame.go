package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strconv"
)

// Kind says what a frame is about.
type Kind string

// The kinds, in the order in which they come: one Hello; for each job a Start,
// what it prints, a File and its Data for each file that comes back, and an Exit;
// then Bye. A Fail may come at any time, and nothing follows it.
const (
	KindHello Kind = "hello" // Hello
	KindStart Kind = "start" // empty
	KindOut   Kind = "out"   // a piece of standard output
	KindErr   Kind = "err"   // a piece of standard error
	KindFile  Kind = "file"  // File
	KindData  Kind = "data"  // a piece of that file
	KindExit  Kind = "exit"  // Exit
	KindFail  Kind = "fail"  // what the init could not do, as text
	KindBye   Kind = "bye"   // empty
)

// NoJob stands for the job in frames that belong to none.
const NoJob = -1

// MaxPayload is how much one frame holds. Longer lines gain nothing, and a
// console takes a line of this length in one go.
const MaxPayload = 3000

// Frame is one line of the console.
type Frame struct {
	Number  int // from 1
	Job     int // the index in the list, or NoJob
	Kind    Kind
	Payload []byte
}

const (
	mark  = "@" // begins a frame, with the machine's word behind it
	end   = ";" // ends it: what follows on the line is the kernel's
	empty = "-" // stands for no payload, so that every frame has as many fields
)

// Encode returns the frame as a line. A newline comes first: the kernel may have
// left the cursor in the middle of one.
func (f Frame) Encode(word string) []byte {
	body := empty
	if len(f.Payload) > 0 {
		body = base64.StdEncoding.EncodeToString(f.Payload)
	}
	text := fmt.Sprintf("%s%s %d %d %s %s", mark, word, f.Number, f.Job, f.Kind, body)
	return []byte(fmt.Sprintf("\n%s %s%s\n", text, checksum([]byte(text)), end))
}

func checksum(text []byte) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE(text)) }

// Decoder finds the frames among the lines of a console.
type Decoder struct {
	Word string
	last int
}

// Next is the number of the frame that has to come next.
func (d *Decoder) Next() int { return d.last + 1 }

// Line takes one line, without its newline. noise is what of it is not a frame.
// Once it has returned an error, what follows means nothing.
func (d *Decoder) Line(line []byte) (f Frame, found bool, noise []byte, err error) {
	line = bytes.TrimRight(line, "\r")
	begin := bytes.Index(line, []byte(mark+d.Word+" "))
	if begin < 0 {
		return Frame{}, false, line, nil
	}
	text := line[begin:]
	stop := bytes.Index(text, []byte(end))
	if stop < 0 {
		return Frame{}, false, line, fmt.Errorf("frame %d is broken: it has no end", d.Next())
	}
	f, err = parse(text[:stop], d.Word)
	if err != nil {
		return Frame{}, false, line, fmt.Errorf("frame %d is broken: %v", d.Next(), err)
	}
	switch {
	case f.Number > d.Next():
		return Frame{}, false, line, fmt.Errorf("frame %d is lost: frame %d came", d.Next(), f.Number)
	case f.Number < d.Next():
		return Frame{}, false, line, fmt.Errorf("frame %d came again: frame %d was awaited", f.Number, d.Next())
	}
	d.last = f.Number
	return f, true, append(append([]byte{}, line[:begin]...), text[stop+len(end):]...), nil
}

func parse(text []byte, word string) (Frame, error) {
	cut := bytes.LastIndexByte(text, ' ')
	if cut < 0 {
		return Frame{}, fmt.Errorf("it is too short")
	}
	if want, got := checksum(text[:cut]), string(text[cut+1:]); got != want {
		return Frame{}, fmt.Errorf("its checksum is %q, not %s", got, want)
	}
	field := bytes.Split(text[:cut], []byte(" "))
	if len(field) != 5 || string(field[0]) != mark+word {
		return Frame{}, fmt.Errorf("it has %d fields", len(field))
	}
	number, err := strconv.Atoi(string(field[1]))
	if err != nil {
		return Frame{}, fmt.Errorf("its number: %v", err)
	}
	job, err := strconv.Atoi(string(field[2]))
	if err != nil {
		return Frame{}, fmt.Errorf("its job: %v", err)
	}
	f := Frame{Number: number, Job: job, Kind: Kind(field[3])}
	if string(field[4]) != empty {
		if f.Payload, err = base64.StdEncoding.DecodeString(string(field[4])); err != nil {
			return Frame{}, fmt.Errorf("its payload: %v", err)
		}
	}
	return f, nil
}
