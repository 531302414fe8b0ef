package manager

import "github.com/pageslot/pageslot/uffd"

// Events are the features by which a process tells what it does to its memory
// (Linux 4.11; no privilege is needed). Without one of them the Manager serves
// what the process had before. uffd.FeatureEventFork, for processes that fork,
// needs CAP_SYS_PTRACE.
const Events = uffd.FeatureEventRemap | uffd.FeatureEventRemove | uffd.FeatureEventUnmap
