package main

import (
	"fmt"
	"os"
	"syscall"
)

type mount struct {
	kind, folder, data string
	flags              uintptr
	// optional says that a kernel may lack it and programs mostly do not mind.
	optional bool
}

// standing are mounted once.
var standing = []mount{
	{kind: "proc", folder: "/proc", flags: syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC},
	{kind: "sysfs", folder: "/sys", flags: syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC},
	{kind: "devtmpfs", folder: "/dev", data: "mode=0755", flags: syscall.MS_NOSUID},
	{kind: "devpts", folder: "/dev/pts", data: "newinstance,ptmxmode=0666,mode=0620", flags: syscall.MS_NOSUID | syscall.MS_NOEXEC, optional: true},
}

// scratch are mounted anew for each job.
var scratch = []mount{
	{kind: "tmpfs", folder: "/tmp", data: "mode=1777", flags: syscall.MS_NOSUID | syscall.MS_NODEV},
	{kind: "tmpfs", folder: "/run", data: "mode=0755", flags: syscall.MS_NOSUID | syscall.MS_NODEV},
	{kind: "tmpfs", folder: "/dev/shm", data: "mode=1777", flags: syscall.MS_NOSUID | syscall.MS_NODEV},
}

func (m mount) do() error {
	if err := os.MkdirAll(m.folder, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(m.kind, m.folder, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s on %s: %v", m.kind, m.folder, err)
	}
	return nil
}

func mountAll() (notes []string, err error) {
	for _, m := range standing {
		if err := m.do(); err != nil && !m.optional {
			return nil, err
		} else if err != nil {
			notes = append(notes, err.Error())
		}
	}
	for link, to := range map[string]string{"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"} {
		if err := os.Symlink("/proc/self/fd"+to, "/dev/"+link); err != nil && !os.IsExist(err) {
			return nil, err
		}
	}
	for _, m := range scratch {
		if err := m.do(); err != nil {
			return nil, err
		}
	}
	return notes, nil
}

// remountScratch throws away what is in the folders that everybody may write to.
// A job may have mounted things over them, or unmounted them.
func remountScratch() error {
	for _, m := range scratch {
		for {
			err := syscall.Unmount(m.folder, syscall.MNT_DETACH)
			if err == syscall.EINVAL || err == syscall.ENOENT {
				break // nothing is mounted there any more
			}
			if err != nil {
				return fmt.Errorf("unmount %s: %v", m.folder, err)
			}
		}
		if err := m.do(); err != nil {
			return err
		}
	}
	return nil
}
