// Package machine asks what bounds this process: how many mappings and addresses
// it can have. What cannot be asked here is unknown, which is said with ok false
// and never with a guess; whoever asks knows better what to assume.
//
// It is beside the layers: highlevel sizes pools by it, the command reports it.
package machine
