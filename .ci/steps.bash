# The steps of .ci/run, in the order in which it takes them. A step is a command
# or one of these functions; it runs in a subshell with set -e.

failures=()

# step NAME COMMAND... runs one step and prints its seconds.
step() {
	local name=$1 begin=$SECONDS status
	shift
	printf '\n=== %s\n' "$name"
	set +e
	(set -euo pipefail; "$@")
	status=$?
	set -e
	if [ "$status" = 0 ]; then
		printf -- '--- ok, %d s: %s\n' $((SECONDS - begin)) "$name"
	else
		printf -- '--- FAILED with status %d, %d s: %s\n' "$status" $((SECONDS - begin)) "$name"
		failures+=("$name")
	fi
}

# clang_found says whether a clang is there that knows every port (16 or newer).
clang_found() {
	local c
	for c in clang-{22,21,20,19,18,17,16} clang; do
		if command -v "$c" >/dev/null && [[ $("$c" -print-targets 2>/dev/null) == *loongarch64* ]]; then
			return
		fi
	done
	return 1
}

# install_tools never fails: what it cannot install becomes a skip with a name.
install_tools() {
	go version
	if clang_found && command -v gcc >/dev/null; then
		return
	fi
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq -o Acquire::Retries=3 update || echo "apt-get update failed; going on with what is there"
	if ! command -v gcc >/dev/null; then
		apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends gcc libc6-dev || true
	fi
	local package
	for package in clang-{22,21,20,19,18,17,16}; do
		clang_found && break
		# The lists name packages that the mirror may not have any more.
		if apt-cache show "$package" >/dev/null 2>&1; then
			apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$package" || true
		fi
	done
	clang_found || echo "no clang 16 or newer could be installed"
}

# fetch_headers leaves no folder behind if it fails.
fetch_headers() {
	[ -x gen/fetch-headers ] || { echo "gen/fetch-headers is missing"; return 1; }
	if ! gen/fetch-headers "$tmp/headers"; then
		echo "the kernel headers could not be fetched"
		rm -rf "$tmp/headers"
	fi
	if ! gen/fetch-older "$tmp/older"; then
		echo "the headers of older kernels could not be fetched"
		rm -rf "$tmp/older"
	fi
}

# install_qemu installs what this release of Debian has, in the packages that it
# has it in. A machine that needs a newer one unpacks it beside this, and one for
# which nothing is installed too.
install_qemu() {
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq -o Acquire::Retries=3 update || echo "apt-get update failed; going on with what is there"
	local package
	for package in qemu-system-{x86,arm,ppc,misc,riscv,s390x}; do
		if apt-cache show "$package" >/dev/null 2>&1; then
			apt-get -qq -o Acquire::Retries=3 install -y --no-install-recommends "$package" >/dev/null || true
		fi
	done
	qemu-system-"$(uname -m)" --version
}

# fetch_machines brings the kernels of the subset into the user's cache, where
# later runs find them, and what QEMU is too old for some of them.
fetch_machines() {
	go build -o "$tmp/pageslot" ./cmd/pageslot
	"$tmp/pageslot" vm fetch -subset ci
}

# newer_qemu puts the QEMU that was unpacked for the machines of this processor into
# $tmp/bin, since an installed 7.2 breaks kernels for amd64 (docs/rationale.md).
newer_qemu() {
	local name program tree ld
	name=qemu-system-$(uname -m)
	mkdir -p "$tmp/bin"
	for program in "${PAGESLOT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pageslot}"/tree/*/usr/bin/"$name"; do
		[ -x "$program" ] || continue
		tree=${program%/usr/bin/*}
		for ld in "$tree"/usr/lib64/ld-linux-*; do
			printf '#!/bin/sh\nexec %q --library-path %q %q -L %q -L %q "$@"\n' "$ld" "$tree/usr/lib/$(uname -m)-linux-gnu" \
				"$program" "$tree/usr/share/qemu" "$tree/usr/share/seabios" >"$tmp/bin/$name"
		done
		chmod +x "$tmp/bin/$name"
		"$tmp/bin/$name" --version
		return
	done
	echo "no newer QEMU was unpacked; the installed one has to do"
}

# kernel_file prints the file of a kernel for this machine's own processor.
kernel_file() {
	"$tmp/pageslot" vm list -json | sed -n '/"machine": "'"$(go env GOHOSTARCH)"'-6.12"/,/}/s/^ *"file": "\(.*\)",\?$/\1/p'
}

# other_module runs the documented commands in a module that is not this one, as
# somebody who has installed the command does.
other_module() {
	local dir=$tmp/user/module
	mkdir -p "$dir/testdata"
	cat >"$dir/go.mod" <<-'EOF'
		module example.org/other

		go 1.26
	EOF
	echo "brought along" >"$dir/testdata/file"
	cat >"$dir/other_test.go" <<-'EOF'
		package other

		import (
			"os"
			"testing"
		)

		func TestFile(t *testing.T) {
			text, err := os.ReadFile("testdata/file")
			if err != nil || string(text) != "brought along\n" {
				t.Fatalf("%q, %v", text, err)
			}
			version, err := os.ReadFile("/proc/version")
			t.Logf("user %d, %s, %v", os.Getuid(), version, err)
		}
	EOF
	cp "$tmp/pageslot" "$tmp/user/pageslot"
	chown -R 65534:65534 "$tmp/user/module" "$tmp/user/pageslot"
	as_user env -C "$dir" CGO_ENABLED=0 go test -v -coverprofile=cover.out -exec "$tmp/user/pageslot vm exec -kernel 6.1 -user nobody" ./... | tee "$tmp/other"
	grep -q 'user 65534, Linux version 6.1' "$tmp/other"
	grep -q '^mode: ' "$dir/cover.out"
}

# bench_module tests the module in bench and runs it for a moment. This machine has
# other things to do, so nothing is made of the figures.
bench_module() {
	cd bench
	go mod tidy -diff
	go vet ./...
	GOOS=darwin go vet ./...
	go test ./...
	if command -v cc || command -v gcc || command -v clang; then
		go run . -quick
		bench_peers
	fi
}

# bench_peers does the same with the module of other libraries, if they can be had.
bench_peers() {
	cd peers
	go mod download || { skipped peers .ci/run "the libraries to compare with can't be downloaded"; return 0; }
	go mod tidy -diff
	go vet ./...
	CGO_ENABLED=1 go test ./...
	CGO_ENABLED=1 go run . -quick -run '^fault/size=4KiB/c=poll'
}

# readme_commands holds this script to what the README promises.
readme_commands() {
	grep -F 'go run ./cmd/pageslot run' README.md
	grep -F 'go test ./...' README.md
}

module_files() {
	go mod verify
	go mod tidy -diff
}

formatted() {
	local files
	files=$("$(go env GOROOT)/bin/gofmt" -l .)
	[ -z "$files" ] || { echo "gofmt would change:"; echo "$files"; return 1; }
}

# fuzz_all gives every fuzz test some inputs, a few seconds of them. It counts them, since
# a fuzz test that ends by time can fail with that time's error (go.dev/issue/75804).
fuzz_all() {
	local file name
	grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file name; do
		name=${name#func }
		echo "$(dirname "$file"): $name"
		go test -run '^$' -fuzz "^$name\$" -fuzztime 20000x -parallel 2 "$(dirname "$file")" >"$tmp/fuzz" 2>&1 ||
			{ cat "$tmp/fuzz"; return 1; }
	done
}

# port SYSTEM vets everything, tests too, and compiles everything.
port() {
	export GOOS=${1%/*} GOARCH=${1#*/} CGO_ENABLED=0
	go vet ./...
	go build ./...
}

# json_says_ok runs a command that prints JSON.
json_says_ok() {
	"$@" >"$tmp/json"
	cat "$tmp/json"
	grep -q '"ok": true' "$tmp/json"
}

# tree_state is what git says of the tree, or nothing if this is no checkout.
tree_state() { git -c safe.directory='*' status --porcelain 2>/dev/null || true; }

tree_unchanged() {
	local now
	now=$(tree_state)
	[ "$now" = "$tree_before" ] || { printf 'before:\n%s\nafter:\n%s\n' "$tree_before" "$now"; return 1; }
}
tree_before=$(tree_state)

# make_user gives nobody a copy of the tree, of the modules and, if root keeps it
# to itself, of Go.
make_user() {
	local home=$tmp/user
	mkdir -p "$home/tree" "$home/tmp"
	tar -c --exclude=./.git . | tar -x -C "$home/tree"
	# Root has them already; where not, as ever.
	GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" GOMODCACHE=$home/mod go mod download
	if ! ordinary "$(go env GOROOT)/bin/go" version; then
		echo "an ordinary user cannot run $(go env GOROOT)/bin/go: making a copy"
		cp -a "$(go env GOROOT)" "$home/go"
	fi
	chown -R 65534:65534 "$home"
}

# as_user COMMAND... runs a command there.
as_user() {
	local home=$tmp/user root
	root=$(go env GOROOT)
	[ ! -d "$home/go" ] || root=$home/go
	cd "$home/tree"
	ordinary env \
		HOME="$home" TMPDIR="$home/tmp" PATH="$root/bin:$PATH" \
		GOROOT="$root" GOTOOLCHAIN=local GOENV=off GOPROXY=off \
		GOMODCACHE="$home/mod" GOCACHE="$home/cache" GOTMPDIR="$home/tmp" "$@"
}

# list_skips prints every skip once, by name, with how often it was taken.
list_skips() {
	printf '\n=== skips by name\n'
	if [ ! -s "$PAGESLOT_SKIP_LOG" ]; then
		echo "none"
		return
	fi
	sort "$PAGESLOT_SKIP_LOG" | uniq -c | awk -F'\t' '{
		split($1, a, " ")
		if (a[2] != last) { print a[2]; last = a[2] }
		printf "  %3dx %s: %s\n", a[1], $2, $3
	}'
}

# summary ends the script.
summary() {
	printf '\n=== %d s in total\n' "$SECONDS"
	if [ "${#failures[@]}" -gt 0 ]; then
		printf 'FAILED: %s\n' "${failures[@]}"
		exit 1
	fi
	echo "all ok"
}
