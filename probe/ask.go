package probe

import (
	"context"
	"fmt"
	"runtime"
)

// Ask asks one question. It may be called from several goroutines at once. A
// question that does not exist has an inconclusive answer.
func Ask(q Question) Answer {
	e, ok := lookup(q)
	if !ok {
		return Answer{Name: q, Verdict: Inconclusive, Momentary: true,
			Reason: fmt.Sprintf("there is no question %q", string(q)), Remedy: "probe.Questions lists them"}
	}
	a := ask(q)
	a.Name, a.Asks, a.Momentary = q, e.asks, e.momentary
	return a
}

// Run asks all questions, one after the other. It ends early, with Complete
// false, if ctx ends.
func Run(ctx context.Context) Report {
	r := Report{Schema: Schema, OS: runtime.GOOS, Arch: runtime.GOARCH}
	for _, q := range Questions() {
		if ctx.Err() != nil {
			return r
		}
		r.Answers = append(r.Answers, Ask(q))
	}
	r.Limits = limits()
	r.Complete = true
	return r
}
