// Package procmaps reads /proc/PID/maps and /proc/PID/smaps: what the kernel says of a
// process's mappings (proc_pid_maps(5), proc_pid_smaps(5)).
package procmaps
