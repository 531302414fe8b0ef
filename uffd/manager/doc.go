// Package manager serves the page faults of other processes: it follows what they
// do to their memory, and fills what they touch from a source.
//
// A process registers memory with a userfaultfd, sends the descriptor here (package
// fdpass), and tells what the memory shall hold. Here:
//
//	m, err := manager.New(manager.Options{})
//	...
//	_, err = m.Add(d, manager.Process{PID: pid, Regions: []manager.Region{
//		{Range: uffd.Range{Start: start, Len: length}, Source: file},
//	}})
//	...
//	err = m.Run(ctx) // until no process is left
//
// One goroutine, in one thread, serves all processes. It never touches memory that
// faults, so the Go runtime of this process can always stop it, and that of the
// other process waits for it as for a disk. That is why the descriptor must stand
// for another process: Add refuses this one's ([ErrOwnProcess]).
//
// # What is followed
//
// A process tells of its changes if the features of [Events] are enabled, and
// uffd.FeatureEventFork. It waits in the call until the Manager has read the event:
//
//   - mremap(2): the contents move along. Memory that grows is Options.Outside.
//   - madvise(2) with MADV_DONTNEED or MADV_REMOVE: the pages are zeros from then
//     on. In shared memory the kernel tells both alike, though MADV_DONTNEED gives
//     up nothing there: pages of it that nobody had touched yet become zeros too.
//   - munmap(2), and mmap(2) over it: the region is forgotten, and a new one there
//     has to be told by [Manager.Map].
//   - fork(2): the child is served with a copy of the layout, under an ID of its
//     own, and so are its children.
//
// Of changes that make no event (mprotect(2), fallocate(2) on a file that is mapped,
// unregistering) nothing is known, and none of them is needed. Several threads that
// remap the same addresses or fork meanwhile can have their events queued in
// another order than the changes; the kernel's messages do not tell.
//
// Events are always read before a fault is resolved. A copy that meets a change
// under way (EAGAIN) is put off until its event was read, and the page is then
// looked up anew. One that meets no registered memory (ENOENT) lets the access
// fault again, and find what is there now.
//
// # Pages that cannot be had
//
// If a source fails, no access reads zeros instead, and none is woken to fault
// again for ever: see [Action].
//
// # The end
//
// A process that ends is forgotten, at once or within Options.PollInterval. When
// Run's context ends, whoever faults waits, as does whoever makes an event; a later
// Run serves them. Close closes the descriptors. If a process has its own open no
// longer, that ends the registration: accesses that wait, and all later ones, read
// zeros in missing pages. To prevent that, kill the process or unregister nothing
// before every page is there.
package manager
