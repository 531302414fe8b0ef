package probe

import (
	"encoding/json"
	"strconv"
)

// Schema is the version of the JSON form of a Report.
const Schema = 1

// Verdict is what became of a question.
type Verdict string

// The verdicts. Inconclusive means that something else was in the way, such as
// no memory or no descriptor left: ask again.
const (
	Yes          Verdict = "yes"
	No           Verdict = "no"
	Inconclusive Verdict = "inconclusive"
)

// Answer is one question with its answer.
type Answer struct {
	Name      Question `json:"name"`                // stable, as "memfd.noexec-seal"
	Asks      string   `json:"asks"`                // the question in words
	Verdict   Verdict  `json:"answer"`              //
	Values    []string `json:"values,omitempty"`    // what came back, where that is more than yes
	Reason    string   `json:"reason,omitempty"`    // why the answer is not yes, or what a yes leaves out
	Remedy    string   `json:"remedy,omitempty"`    // what would make it a yes
	Refused   bool     `json:"refused,omitempty"`   // the no is for want of privilege
	Momentary bool     `json:"momentary,omitempty"` // of this moment: see Question.Stable
}

// Report is all that was asked.
type Report struct {
	Schema   int      `json:"schema"`
	OS       string   `json:"os"`
	Arch     string   `json:"arch"`
	Answers  []Answer `json:"answers"`
	Limits   Limits   `json:"limits"`
	Complete bool     `json:"complete"` // false if Run was interrupted
}

// Answer returns the answer to q; ok is false if it was not asked.
func (r Report) Answer(q Question) (a Answer, ok bool) {
	for _, a := range r.Answers {
		if a.Name == q {
			return a, true
		}
	}
	return Answer{}, false
}

// Limits are numbers that bound what a pool can have.
type Limits struct {
	PageSize       Limit `json:"page_size"`         // bytes
	MaxMapCount    Limit `json:"max_map_count"`     // vm.max_map_count: mappings that a process may have
	Mappings       Limit `json:"mappings"`          // that this process has now
	Overcommit     Limit `json:"overcommit_memory"` // vm.overcommit_memory: 0, 1 or 2
	AddressSpace   Limit `json:"rlimit_as"`         // RLIMIT_AS, bytes
	LockedMemory   Limit `json:"rlimit_memlock"`    // RLIMIT_MEMLOCK, bytes
	AddressBits    Limit `json:"address_bits"`      // user addresses are below 2 to the power of this
	LargestMapping Limit `json:"largest_mapping"`   // bytes, a power of two, that one reservation could have

	HugePages               Limit `json:"nr_hugepages"`             // vm.nr_hugepages: reserved huge pages of the default size
	HugePageSize            Limit `json:"thp_size"`                 // bytes of a transparent huge page
	MemfdNoexec             Limit `json:"memfd_noexec"`             // vm.memfd_noexec: 0, 1 or 2
	UnprivilegedUserfaultfd Limit `json:"unprivileged_userfaultfd"` // vm.unprivileged_userfaultfd: 0 or 1
}

// Limit is a number, no limit at all, or unknown. The zero value is unknown. In
// JSON it is the number, "unlimited" or null.
type Limit struct {
	n         uint64
	known     bool
	unlimited bool
}

// Unlimited is no limit at all.
var Unlimited = Limit{known: true, unlimited: true}

// Number is the limit n.
func Number(n uint64) Limit { return Limit{n: n, known: true} }

// Value returns the number; ok is false if there is none.
func (l Limit) Value() (n uint64, ok bool) { return l.n, l.known && !l.unlimited }

// String gives the number, "unlimited" or "unknown".
func (l Limit) String() string {
	switch {
	case !l.known:
		return "unknown"
	case l.unlimited:
		return "unlimited"
	}
	return strconv.FormatUint(l.n, 10)
}

// MarshalJSON gives the number, "unlimited" or null.
func (l Limit) MarshalJSON() ([]byte, error) {
	switch {
	case !l.known:
		return []byte("null"), nil
	case l.unlimited:
		return []byte(`"unlimited"`), nil
	}
	return strconv.AppendUint(nil, l.n, 10), nil
}

// UnmarshalJSON reads what MarshalJSON writes.
func (l *Limit) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "null":
		*l = Limit{}
		return nil
	case `"unlimited"`:
		*l = Unlimited
		return nil
	}
	var n uint64
	if err := json.Unmarshal(b, &n); err != nil {
		return err
	}
	*l = Number(n)
	return nil
}
