package rawproc

// WaitStatus is nothing: no process is started here.
type WaitStatus struct{}
