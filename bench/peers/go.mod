module github.com/pageslot/pageslot/bench/peers

go 1.26

require (
	github.com/loopholelabs/userfaultfd-go v0.1.2
	github.com/pageslot/pageslot v0.0.0
	github.com/pageslot/pageslot/bench v0.0.0
	golang.org/x/sys v0.47.0
)

replace (
	github.com/pageslot/pageslot => ../../
	github.com/pageslot/pageslot/bench => ../
)
