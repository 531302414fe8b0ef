// Package lint holds this repository to its house rules. It has only tests:
// "go test ./internal/lint" reads the source tree around it and fails, with file
// and line, where a rule is broken. It needs nothing but the standard library.
//
// Each rule is a function over a parsed tree, in a file of its own, and has
// small trees beside it that break the rule: a rule that cannot fail is none.
//
//	imports_test.go  imports point one way; testgate is for tests
//	unsafe_test.go   unsafe and linkname have their own files; no cgo
//	module_test.go   two dependencies, one of them for tests
//	quiet_test.go    libraries do not log or work before they are called; nobody asks uname
//	skips_test.go    only testgate skips
//	docs_test.go     every package has a doc.go; generated files say so; gofmt
//	text_test.go     no trace of the machine that it was written on, nothing left open
//	readme_test.go   the README's example runs; links and commands in documents lead somewhere
package lint
