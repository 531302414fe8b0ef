package wire

import "time"

// Where things lie in the machine. All of it belongs to root.
const (
	Home     = "/pageslot"         // the folder of the host's things
	ListFile = Home + "/list.json" // the List
	// EndFile is the last file of the initrd. Without it the machine had too
	// little memory for the others.
	EndFile  = Home + "/end"
	Programs = Home + "/program" // the programs, each in a folder of its own
	Store    = Home + "/store"   // the content of files, by number
)

// List is what the machine is to do.
type List struct {
	Word   string // begins every frame
	Now    int64  // the host's clock, in nanoseconds since 1970: some machines start there
	Sysctl map[string]string
	Jobs   []Job
}

// Job is one program to run.
type Job struct {
	Name    string
	Program string
	Argv    []string
	Env     []string
	Dir     string
	User    int
	Files   []Entry
	Back    []string      // files and folders
	Limit   time.Duration // then the program gets SIGQUIT
	Grace   time.Duration // and after this, SIGKILL
}

// Entry is a file, folder or link to make before a job starts. The order matters:
// a folder comes before what is in it.
type Entry struct {
	To    string
	Dir   bool   `json:",omitempty"`
	Link  string `json:",omitempty"` // where a symbolic link leads to
	Store string `json:",omitempty"` // the file that has the content
	Mode  uint32 `json:",omitempty"` // permission bits
}

// Hello is what the machine says of itself, for people to read.
type Hello struct {
	Kernel   string
	PageSize int
	Memory   uint64
	CPUs     int
	Notes    []string `json:",omitempty"` // what could not be set up and may not matter
}

// File begins a file or folder that comes back.
type File struct {
	Back int    // the index in Job.Back
	Path string // beneath it, with slashes; empty for the thing itself
	Dir  bool   `json:",omitempty"`
	Size int64
	Mode uint32
}

// Exit is how a job ended.
type Exit struct {
	Code     int
	Signal   string `json:",omitempty"`
	TimedOut bool   `json:",omitempty"`
	Took     time.Duration
}
