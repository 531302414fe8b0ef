package main

import (
	"errors"
	"flag"
	"path/filepath"
)

// sinceFlags declares the flags about since when symbols are in the headers.
func (c *config) sinceFlags(flags *flag.FlagSet) {
	flags.StringVar(&c.older, "older", "", "`DIR` with header trees of older releases: make the file of -since from them (gen/fetch-older fetches them)")
	flags.StringVar(&c.since, "since", "testdata/since.json", "`FILE` that says since when symbols are in the headers")
	flags.StringVar(&c.docs, "docs", "docs/kernel-support.md", "`FILE` with tables of that")
}

// checkSince drops what was not asked for: facts of some ports, or in another
// place, say nothing about the repository's files.
func (c *config) checkSince(flags *flag.FlagSet) error {
	named := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { named[f.Name] = true })
	asked := named["since"] || named["older"] || named["docs"]
	switch {
	case asked && c.factsOnly:
		return errors.New("-facts-only stops before -since, -older and -docs")
	case asked && len(c.ports) < len(ports):
		return errors.New("-since, -older and -docs are about all ports: leave -ports out")
	case c.factsOnly, len(c.ports) < len(ports), !named["since"] && (named["facts"] || named["out"]):
		if named["older"] || named["docs"] {
			return errors.New("-older and -docs want -since where -facts or -out is given")
		}
		c.since, c.docs = "", ""
	case named["since"] && !named["docs"]:
		c.docs = ""
	}
	return nil
}

// history brings the files about since when up to date: it adds them to out,
// and returns what they say, or nil if nobody asked.
func (c *config) history(out *output, facts []*Facts) (*history, error) {
	if c.since == "" {
		return nil, nil
	}
	since, err := c.sinceNow(facts)
	if err != nil {
		return nil, err
	}
	list, err := readExact(exactPath(c.since))
	if err != nil {
		return nil, err
	}
	h, err := newHistory(since, list)
	if err != nil {
		return nil, err
	}
	out.add(filepath.Dir(c.since), map[string][]byte{filepath.Base(c.since): since.encode()})
	if c.docs != "" {
		text, err := docsFile(c.docs, h)
		if err != nil {
			return nil, err
		}
		out.add(filepath.Dir(c.docs), map[string][]byte{filepath.Base(c.docs): text})
	}
	return h, nil
}

// sinceNow makes since from the older headers and the facts, or goes on from
// the file with the facts alone.
func (c *config) sinceNow(facts []*Facts) (*Since, error) {
	if c.older == "" {
		since, err := readSince(c.since)
		if err != nil {
			return nil, err
		}
		return since, since.extend(facts)
	}
	clang, err := findClang(c.clang)
	if err != nil {
		return nil, err
	}
	all, err := extractOlder(clang, c.older)
	if err != nil {
		return nil, err
	}
	return deriveSince(append(all, facts))
}
