package probe

import "slices"

// Question is something to ask of a machine. Its value is its name, which stays
// as it is: it is in the JSON form, and in the expectations of the matrix.
type Question string

// String is the name, such as "guard.install".
func (q Question) String() string { return string(q) }

// Asks is the question in words; empty for one that does not exist.
func (q Question) Asks() string {
	e, _ := lookup(q)
	return e.asks
}

// Stable tells whether the verdict and the values are the same whenever they are
// asked for on the same kernel, processor and settings, by the same user. Huge
// pages that are reserved count as a setting. What is not stable is of the
// moment: free memory, mappings that there are now.
func (q Question) Stable() bool {
	e, ok := lookup(q)
	return ok && !e.momentary
}

// Questions lists all questions, in the order in which Run asks them.
func Questions() []Question {
	all := make([]Question, len(table))
	for i, e := range table {
		all[i] = e.question
	}
	return all
}

// entry is what is known of a question before it is asked.
type entry struct {
	question  Question
	asks      string
	momentary bool
}

func lookup(q Question) (entry, bool) {
	i := slices.IndexFunc(table, func(e entry) bool { return e.question == q })
	if i < 0 {
		return entry{}, false
	}
	return table[i], true
}
