module github.com/pageslot/pageslot/bench

go 1.26

require (
	github.com/google/go-cmp v0.7.0
	github.com/pageslot/pageslot v0.0.0
	golang.org/x/sys v0.47.0
)

replace github.com/pageslot/pageslot => ../
