// Peers is the program of the module above with other libraries for Go in it. It is a
// module of its own, since it needs them, and they need cgo:
//
//	go run . -run '^fault/size=4KiB/c=poll'
package main
