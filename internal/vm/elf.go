package vm

// Port returns the port, as GOARCH, that a program was built for.
func Port(file string) (goarch string, err error) { return "", nil }
