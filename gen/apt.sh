# An apt of our own for the scripts beside this file, which source it: with this
# machine's settings (a proxy, say), but not its sources, its lists or what it
# has installed. An ordinary user may use it, and it changes nothing.

# need_apt fails with the caller's fail where there is no apt.
need_apt() {
	for tool in apt-get apt-cache dpkg-deb; do
		command -v "$tool" >/dev/null || fail 1 "no $tool: this needs Debian or what descends from it"
	done
}

# own_mirror prints Debian's archive as this machine's apt knows it: where it gets
# its own release from.
own_mirror() {
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	apt-get update --print-uris 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/${codename:-stable}/InRelease'.*|\1|p" | head -n 1
}

# private_apt WORK MIRROR SUITE... sets up apt in the folder WORK, and gets the
# lists of the suites. The signatures are checked.
private_apt() {
	work=$1 mirror=$2
	shift 2
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
	signed=
	keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ ! -e "$keyring" ] || signed="[signed-by=$keyring] "
	for suite; do
		echo "deb $signed$mirror $suite main"
	done >"$work/sources.list"
	cat >"$work/apt.conf" <<-EOF
		Dir::Etc::sourcelist "$work/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State "$work";
		Dir::State::lists "$work/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$work/cache";
		Acquire::Languages "none";
		Acquire::Retries "3";
		APT::Sandbox::User "";
		APT::Update::Error-Mode "any";
	EOF
	export APT_CONFIG="$work/apt.conf"
	apt-get update -qq >"$work/log" 2>&1 || fail 1 "apt-get update failed for $mirror $*: $(cat "$work/log")"
}

# need_packages NAME=VERSION... fails with 3 if the suites lack one.
need_packages() {
	apt-cache madison $(printf '%s\n' "$@" | cut -d = -f 1) | awk '{ print $1 "=" $3 }' >"$work/have"
	for wanted; do
		grep -qxF -e "$wanted" "$work/have" ||
			fail 3 "$mirror does not have $wanted (any more); it has:" $(grep "^${wanted%%=*}=" "$work/have" || echo none)
	done
}

# download_packages NAME=VERSION... downloads packages into $work.
download_packages() {
	(cd "$work" && apt-get download -qq "$@") >"$work/log" 2>&1 || fail 1 "the download failed: $(cat "$work/log")"
}

# unpack_package NAME=VERSION DIR unpacks a package that was downloaded.
unpack_package() {
	for package in "$work/${1%%=*}"_*.deb; do
		if [ "$(dpkg-deb -f "$package" Version)" = "${1#*=}" ]; then
			mkdir -p "$2"
			dpkg-deb -x "$package" "$2"
			return
		fi
	done
	fail 1 "asked for $1 and got $(ls "$work")"
}
