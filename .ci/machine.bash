# What this machine has, found by other means than the library's probes: if a
# probe wrongly says no, the test that it would skip fails.
#
# The kernel's version is used here and nowhere else in this repository. It says
# what a probe must find, never what the library does.

# kernel MAJOR.MINOR says whether the kernel is at least that old a version.
kernel() {
	local have want
	IFS=. read -r -a have <<<"$(uname -r)"
	IFS=. read -r -a want <<<"$1"
	((have[0] > want[0] || have[0] == want[0] && ${have[1]%%[!0-9]*} >= want[1]))
}

# ordinary COMMAND... runs a command as the ordinary user.
ordinary() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }

# reserve_hugepages takes enough huge pages for the tests that run beside each other;
# an ordinary user's can't take any. The exit trap puts the number back.
enough_hugepages=64
reserve_hugepages() {
	local file=/proc/sys/vm/nr_hugepages had
	had=$(cat $file 2>/dev/null) || return 0
	if ((had < enough_hugepages)) && echo $enough_hugepages 2>/dev/null >$file; then
		hugepages=$had
		echo "reserved $(cat $file) huge pages; there were $had"
	fi
}

# forbid WHO [ALLOWED...] sets PAGESLOT_FORBID_SKIPS to all names except those
# that this machine earns for the user WHO (root or user), and ALLOWED.
forbid() {
	local who=$1 allow=()
	shift
	# One machine is not every port, and has one page size and one policy.
	allow+=(port page-size overcommit "$@")
	case $who in
	root) allow+=(user) ;;
	user) allow+=(root) ;;
	esac

	# Userfaultfd: the sysctl exists where the kernel was built with it.
	if [ ! -e /proc/sys/vm/unprivileged_userfaultfd ]; then
		allow+=(userfaultfd uffd-kernel-faults)
	elif [ "$who" = user ] && [ "$(cat /proc/sys/vm/unprivileged_userfaultfd)" = 0 ] && ! ordinary test -r /dev/userfaultfd; then
		allow+=(uffd-kernel-faults)
	fi
	kernel 7.3 || allow+=(uffd-feature)

	# Protection keys: the processor's flag, which shows only if the kernel uses it.
	if grep -qwE 'ospke|poe' /proc/cpuinfo; then
		allow+=(no-pkey)
	else
		allow+=(pkey)
	fi

	# The sysctl (Linux 6.6) is 2 for nobody, 1 for a group and root.
	grep -qw io_uring_setup /proc/kallsyms 2>/dev/null || allow+=(io-uring)
	case $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null) in
	2) allow+=(io-uring) ;;
	1) [ "$who" = root ] || allow+=(io-uring) ;;
	esac
	kernel 5.3 || allow+=(pidfd)
	kernel 5.14 || allow+=(populate)
	kernel 6.3 || allow+=(memfd-noexec)
	kernel 6.7 || allow+=(pagemap-scan)
	kernel 6.10 && [ "$(getconf LONG_BIT)" = 64 ] || allow+=(mseal)
	kernel 6.11 || allow+=(procmap-query droppable)
	[ "$(getconf LONG_BIT)" = 64 ] || allow+=(droppable)
	local thp=/sys/kernel/mm/transparent_hugepage
	kernel 6.1 && [ -d $thp ] || allow+=(collapse)
	[ -d $thp ] && ! grep -qF '[never]' $thp/enabled || allow+=(thp)
	# Root may lock what it likes; a user's tests pin a few huge pages.
	[ "$who" = root ] || [ "$(ulimit -l)" = unlimited ] || [ "$(ulimit -l)" -ge 8192 ] || allow+=(memlock)
	kernel 6.13 || allow+=(guard-regions process-madvise)
	# The kernel's own function for its faults is there only if it was built in.
	grep -qw secretmem_fault /proc/kallsyms 2>/dev/null || allow+=(memfd-secret)

	[ "$(awk '/HugePages_Free/ {print $2}' /proc/meminfo)" -ge $enough_hugepages ] 2>/dev/null || allow+=(hugetlb)
	[ "$(awk '/MemAvailable/ {print $2}' /proc/meminfo)" -ge $((6 << 20)) ] || allow+=(memory)
	[ "$(wc -l </proc/swaps)" -gt 1 ] || allow+=(swap)
	[ "$(cat /proc/sys/vm/max_map_count)" -ge 65530 ] || allow+=(map-count)
	[ "$(getconf LONG_BIT)" = 64 ] && [ "$(ulimit -v)" = unlimited ] || allow+=(address-space)
	[ "$(nproc)" -gt 1 ] || allow+=(cpus)
	if [ "$who" = root ]; then
		unshare --pid --fork true 2>/dev/null || allow+=(namespaces)
	else
		ordinary unshare --pid --fork true 2>/dev/null || allow+=(namespaces)
	fi

	clang_found || allow+=(clang)
	command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || allow+=(x-c-compiler) # of bench
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || allow+=(apt)
	command -v "qemu-system-$(uname -m)" >/dev/null || allow+=(qemu)
	[ -n "${PAGESLOT_TEST_KERNEL:-}" ] || allow+=(vm-kernel)
	[ -n "${PAGESLOT_HEADERS:-}" ] && [ -n "${PAGESLOT_OLDER_HEADERS:-}" ] || allow+=(headers)

	PAGESLOT_FORBID_SKIPS=all$(printf ',-%s' "${allow[@]}")
	export PAGESLOT_FORBID_SKIPS
	printf '\n%s: PAGESLOT_FORBID_SKIPS=%s\n' "$who" "$PAGESLOT_FORBID_SKIPS"
}
