package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// output is what a run makes: the files of some directories, by path.
type output struct {
	files map[string][]byte
}

func newOutput() *output { return &output{files: map[string][]byte{}} }

func (o *output) add(dir string, files map[string][]byte) {
	for name, text := range files {
		o.files[filepath.Join(dir, name)] = text
	}
}

// changed returns the paths whose content on disk is another one, or none.
func (o *output) changed() ([]string, error) {
	var list []string
	for _, path := range slices.Sorted(maps.Keys(o.files)) {
		old, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(old, o.files[path]) {
			list = append(list, path)
		}
	}
	return list, nil
}

// write puts all files in their places, or none: first everything is written
// beside its place, and only when that has worked is anything renamed. It
// returns the paths that changed.
func (o *output) write() (changed []string, err error) {
	changed, err = o.changed()
	if err != nil {
		return nil, err
	}
	var staged []string
	defer func() {
		for _, path := range staged {
			os.Remove(path) // what was renamed is gone
		}
	}()
	madeDirs, err := makeDirs(changed)
	defer func() {
		if err != nil {
			for _, dir := range slices.Backward(madeDirs) {
				os.Remove(dir)
			}
		}
	}()
	if err != nil {
		return nil, err
	}
	for _, path := range changed {
		temporary := stagedName(path)
		staged = append(staged, temporary)
		if err := os.WriteFile(temporary, o.files[path], 0o666); err != nil {
			return nil, err
		}
	}
	return changed, rename(changed)
}

// stagedName is where a file waits: hidden from the go command, in the same
// directory so that it can be renamed.
func stagedName(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
}

// makeDirs makes the directories of files and returns those that were not
// there, outermost first.
func makeDirs(files []string) (made []string, err error) {
	for _, path := range files {
		var missing []string
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
				break
			}
			missing = append(missing, dir)
		}
		for _, dir := range slices.Backward(missing) {
			if err := os.Mkdir(dir, 0o777); err != nil {
				return made, err
			}
			made = append(made, dir)
		}
	}
	return made, nil
}

// rename moves the staged files to their places. Where one fails, those before
// it get their old content back.
func rename(paths []string) error {
	type saved struct {
		path string
		text []byte
		had  bool
	}
	var done []saved
	for _, path := range paths {
		old, err := os.ReadFile(path)
		had := err == nil
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			err = os.Rename(stagedName(path), path)
		}
		if err == nil {
			done = append(done, saved{path, old, had})
			continue
		}
		errs := []error{err}
		for _, s := range done {
			if s.had {
				errs = append(errs, os.WriteFile(s.path, s.text, 0o666))
			} else {
				errs = append(errs, os.Remove(s.path))
			}
		}
		return errors.Join(errs...)
	}
	return nil
}

// strangers returns generated files of dir that are not among files: those of
// ports that were not chosen, or of names that are no longer used. A package
// with both would not compile, or would mix the headers of two kernels.
func strangers(dir string, files map[string][]byte) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "z*.go"))
	if err != nil {
		return nil, err
	}
	var list []string
	for _, path := range paths {
		if _, ok := files[filepath.Base(path)]; ok {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if isGenerated(text) {
			list = append(list, filepath.Base(path))
		}
	}
	return list, nil
}

// checkPlaces refuses directories where what is written would stand beside
// what does not belong to it.
func checkPlaces(outDir string, sources map[string][]byte, factsDir string, facts []*Facts) error {
	if sources != nil {
		list, err := strangers(outDir, sources)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			return fmt.Errorf("-out %s holds generated files that this run does not make: %s; remove them or choose another directory",
				outDir, few(list))
		}
	}
	for _, p := range ports {
		if len(facts) == 0 || slices.ContainsFunc(facts, func(f *Facts) bool { return f.Port == p.goarch }) {
			continue
		}
		others, err := readFactsDir(factsDir, []port{p})
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if others[0].Headers != facts[0].Headers {
			return fmt.Errorf("-facts %s holds facts of %s, which is not chosen, from %v, and these are from %v: choose another directory",
				factsDir, p.goarch, others[0].Headers, facts[0].Headers)
		}
	}
	return nil
}

// few lists some strings and counts the others.
func few(list []string) string {
	const most = 3
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
}
