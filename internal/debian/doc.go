// Package debian takes things out of Debian's archive without installing them:
// one file of a package, such as a kernel, or programs with all that they need,
// such as a newer QEMU beside the installed one. It works as an ordinary user, for
// any architecture, and leaves the host's apt and dpkg as they are.
//
// A Package names its file by path and SHA-256, so what is fetched is what was
// committed. Where the mirror has it no more, the newest package whose name fits
// Pattern is taken, and Fetched says so. For that, and for a Tree, apt is run with
// settings of its own and checks the archive's signature.
//
// What was fetched is kept in a Cache:
//
//	kernel/SHA256/   one file of the package, and about.json
//	tree/KEY/        unpacked packages, and .pageslot.json
//	lock/            one file for each entry, locked while it is made
//	tmp/             what is being made; a folder that nobody holds is removed
//
// An entry is made in tmp and appears by rename. It is checked when it is used,
// and made again if it is damaged.
//
//	archive.go   which mirror, which keyring       packages.go  an index of packages
//	host.go      those of the host                 version.go   which version is newer
//	apt.go       an apt with settings of its own   member.go    one file of a package
//	download.go  a file by path and hash           unpack.go    all files of a package
//	cache.go     folders, locks, publication       tree.go      packages with their needs
//	kernel.go    one file of a package, cached     program.go   how to run one of a tree
package debian
