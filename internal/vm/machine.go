package vm

import "time"

// The accelerators.
const (
	tcg = "tcg"
	kvm = "kvm"
)

// machine is a Config with all decisions made.
type machine struct {
	Config
	init  string
	accel string
	slow  float64
	log   func(string)
	begin time.Time
	// quiet is how long the machine may say nothing where it should, instead of
	// the usual, before it is stretched.
	quiet time.Duration
}
