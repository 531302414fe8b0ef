package vm

// TestOptions are what the caller of TestJob adds.
type TestOptions struct {
	Env   []string // names of further variables that pass into the guest
	Files []string // further files and folders, absolute or beside dir; they have the same path in the guest
}

// TestJob makes a job of what go test -exec gives: args is the test binary and
// its flags, dir the package's folder, env the environment.
func TestJob(args []string, dir string, env []string, o TestOptions) (Job, error) {
	return Job{}, nil
}
