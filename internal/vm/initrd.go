package vm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pageslot/pageslot/internal/vm/wire"
)

// initrd is what a machine starts with: the list of jobs, and which of the host's
// files it takes. Files that several jobs share are in it once.
type initrd struct {
	list    wire.List
	content []stored
	place   map[string]string // from a host's path to its place in the machine
}

type stored struct {
	host, guest string
	perm        uint32
}

// plan reads folders, but no files.
func plan(word string, c Config, jobs []Job, slow float64) (*initrd, error) {
	ird := &initrd{list: wire.List{Word: word, Now: time.Now().UnixNano(), Sysctl: c.Sysctl}, place: map[string]string{}}
	for _, j := range jobs {
		w, err := ird.job(j, slow)
		if err != nil {
			return nil, fmt.Errorf("job %s: %w", j.Name, err)
		}
		ird.list.Jobs = append(ird.list.Jobs, w)
	}
	return ird, nil
}

func (ird *initrd) job(j Job, slow float64) (wire.Job, error) {
	dir := j.dir()
	w := wire.Job{
		Name:    j.Name,
		Program: ird.program(j.Program),
		Env:     environment(j, dir, slow),
		Dir:     dir,
		User:    j.User,
		Limit:   stretch(j.limit(), slow),
		Grace:   stretch(grace, min(slow, 10)),
	}
	w.Argv = append([]string{w.Program}, j.Args...)
	for _, f := range j.Files {
		entries, err := ird.entries(f)
		if err != nil {
			return wire.Job{}, err
		}
		w.Files = append(w.Files, entries...)
	}
	for _, f := range j.Back {
		w.Back = append(w.Back, f.Guest)
		if f.Folder {
			w.Files = append(w.Files, wire.Entry{To: f.Guest, Dir: true, Mode: 0o755})
		}
	}
	return w, nil
}

// environment has what every program may expect, unless the job says otherwise.
func environment(j Job, dir string, slow float64) []string {
	env := []string{"HOME=/tmp", "TMPDIR=/tmp", "PATH=/", "PWD=" + dir}
	if slow > 1 {
		env = append(env, timeScale+"="+strconv.FormatFloat(slow, 'g', -1, 64))
	}
	for _, own := range j.Env {
		name, _, _ := strings.Cut(own, "=")
		kept := env[:0:0]
		for _, e := range env {
			if !strings.HasPrefix(e, name+"=") {
				kept = append(kept, e)
			}
		}
		env = append(kept, own)
	}
	return env
}

// program has a folder of its own for each program: two may have the same name.
func (ird *initrd) program(host string) string {
	host = filepath.Clean(host)
	guest, ok := ird.place[host]
	if !ok {
		guest = path.Join(wire.Programs, strconv.Itoa(len(ird.content)), filepath.Base(host))
		ird.content = append(ird.content, stored{host, guest, 0o755})
		ird.place[host] = guest
	}
	return guest
}

func (ird *initrd) store(host string) string {
	guest, ok := ird.place[host]
	if !ok {
		guest = path.Join(wire.Store, strconv.Itoa(len(ird.content)))
		ird.content = append(ird.content, stored{host, guest, 0o600})
		ird.place[host] = guest
	}
	return guest
}

// entries is the file, or the folder and what is in it. Devices and the like are
// left out.
func (ird *initrd) entries(f File) (entries []wire.Entry, err error) {
	root := filepath.Clean(f.Host)
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		e := wire.Entry{To: path.Join(f.Guest, filepath.ToSlash(rel))}
		info, err := d.Info()
		if err == nil && p == root {
			info, err = os.Stat(p) // a file that is asked for by name may be a link to it
		}
		if err != nil {
			return err
		}
		e.Mode = uint32(info.Mode().Perm())
		switch {
		case info.IsDir():
			e.Dir = true
		case info.Mode().IsRegular():
			e.Store = ird.store(p)
		case info.Mode()&fs.ModeSymlink != 0:
			if e.Link, err = os.Readlink(p); err != nil {
				return err
			}
		default:
			return nil
		}
		entries = append(entries, e)
		return nil
	})
	return entries, err
}

// write writes the archive. The file that says that all was unpacked is the last.
func (ird *initrd) write(w io.Writer, init string) error {
	list, err := json.Marshal(ird.list)
	if err != nil {
		return err
	}
	c := newCpioWriter(w)
	for _, dir := range []string{"dev", "proc", "sys", "tmp", "run", "etc"} {
		c.dir(dir, 0o755)
	}
	// The kernel opens it before there is anything else in /dev.
	c.device("dev/console", 0o600, 5, 1)
	if err := c.copy(stored{init, "/init", 0o755}); err != nil {
		return err
	}
	c.dir(wire.Home[1:], 0o755)
	c.file(wire.ListFile[1:], 0o600, int64(len(list)), bytes.NewReader(list))
	c.dir(wire.Programs[1:], 0o755)
	c.dir(wire.Store[1:], 0o700)
	for _, s := range ird.content {
		if dir := path.Dir(s.guest); dir != wire.Store {
			c.dir(dir[1:], 0o755)
		}
		if err := c.copy(s); err != nil {
			return err
		}
	}
	c.file(wire.EndFile[1:], 0o600, 0, bytes.NewReader(nil))
	return c.close()
}

func (c *cpioWriter) copy(s stored) error {
	f, err := os.Open(s.host)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", s.host)
	}
	c.file(s.guest[1:], s.perm, info.Size(), f)
	return c.err
}
