// Gen turns kernel headers into package sys. It has two halves with a file
// between them:
//
//	kernel headers --(clang)--> facts: testdata/facts/$GOARCH.json --(Go alone)--> sys/z*.go
//
// Beside it runs a second line: since when the headers have each symbol.
//
//	older headers and facts --> testdata/since.json --+--> docs/kernel-support.md
//	known by other means: testdata/since-exact.json --+--> comments in sys/z*.go
//
// From the root of the repository:
//
//	gen/fetch-headers /tmp/headers           # Debian's, of the version in the facts
//	go run ./gen -headers /tmp/headers       # both halves, all ports
//	go run ./gen -headers DIR -facts-only    # the first half
//	go run ./gen -emit-only                  # the second half
//	go run ./gen -headers DIR -check         # write nothing, say what would change
//
//	gen/fetch-older /tmp/older                 # headers of the releases in older.go
//	go run ./gen -emit-only -older /tmp/older  # since.json anew, and what follows from it
//
// The first half needs clang 16 or newer. DIR is one of the trees that tree.go
// lists; `make headers` of a kernel of your own is among them. -ports chooses
// ports, -facts and -out the directories; headers that are not those of the
// committed facts want directories of their own:
//
//	make -C linux ARCH=x86 O=/tmp/own/x86 headers
//	go run ./gen -headers /tmp/own -ports 386,amd64 -facts /tmp/own/facts -out /tmp/own/sys
//
// No name is typed in: rules.go says in which headers which pattern of names
// is wanted, and everything that fits is taken. A name that fits and has no
// integer value is an error, not an omission.
//
// Without -older, testdata/since.json goes on with the facts: what they have and
// the file does not is of the facts' release. A bracket such as 6.2..6.12 is what
// headers say. A release that is known exactly stands in since-exact.json, and is
// refused if it lies outside of its bracket. Where -ports, -facts or -out is
// given, all this is left out unless -since names a file.
//
// All chosen ports or nothing: everything is made in memory, and one failure
// writes no file. Errors name port, header and symbol. The exit status is 0, 1
// for a failure (or, with -check, for a difference) and 2 for wrong usage.
//
// Reading order: main.go, ports.go, tree.go, rules.go, extract.go with
// clang.go, discover.go, evaluate.go and dwarf.go; facts.go; emit.go with
// constants.go, structs.go and names.go; write.go. Then main_since.go, release.go,
// since.go, since_file.go, older.go; exact.go and history.go; docs.go.
package main
