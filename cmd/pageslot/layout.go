package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/pageslot/pageslot/highlevel"
	"github.com/pageslot/pageslot/internal/bytesize"
)

// layoutCommand plans a pool's slabs and maps nothing that it keeps.
func layoutCommand(_ context.Context, args []string, stdout, stderr io.Writer) int {
	return planLayout(thisHost(), args, stdout, stderr)
}

// planLayout is layoutCommand for any host.
func planLayout(h host, args []string, stdout, stderr io.Writer) int {
	const name = "layout"
	c := highlevel.DefaultConstraints(h.space(), h.pageSize)
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.IntVar(&c.Slots, "slots", c.Slots, "`number` of memories that the pool holds at once")
	flags.Var((*bytesize.Size)(&c.MaxMemory), "max-memory", "the most `bytes` that a slot's memory can grow to")
	flags.Var((*bytesize.Size)(&c.Reservation), "reservation", "`bytes` from a slot's base within which a stray access must fault")
	flags.Var((*bytesize.Size)(&c.Guard), "guard", "`bytes` beyond the reservation that must fault too")
	flags.BoolVar(&c.GuardBefore, "guard-before", c.GuardBefore, "a guard before the first slot too")
	flags.IntVar(&c.Keys, "keys", 0, "`number` of protection keys to plan with, 15 on most machines that have them;\n"+
		"pools of this version do without")
	asJSON := flags.Bool("json", false, "print one JSON object")
	if status, proceed := parseFlags(flags, args, stdout, stderr); !proceed {
		return status
	}

	p, err := newPoolPlan(c, h)
	switch {
	case errors.Is(err, highlevel.ErrInvalid):
		return badUsage(name, flagError(err), stderr)
	case err != nil:
		return failed(name, flagError(err), stderr)
	}
	if *asJSON {
		err = writeJSON(stdout, p.report())
	} else {
		_, err = io.WriteString(stdout, p.text())
	}
	if err != nil {
		return failed(name, err, stderr)
	}
	return exitOK
}

// flagError names the flag where the library names the field that it set.
func flagError(err error) error {
	var e *highlevel.LayoutError
	if !errors.As(err, &e) {
		return err
	}
	field := e.Field
	if flag := layoutFlags[field]; flag != "" {
		field = flag
	}
	return fmt.Errorf("%s %s: %w: want %s", field, e.Value, e.Err, e.Want)
}

// layoutFlags are the flags that set the fields of highlevel.Constraints.
var layoutFlags = map[string]string{
	"Slots":       "-slots",
	"MaxMemory":   "-max-memory",
	"Reservation": "-reservation",
	"Guard":       "-guard",
	"Keys":        "-keys",
}
