# shellcheck shell=bash disable=SC2034
# Debian packages for contrib/check and contrib/quickstart, which source this file.

# Packages that pop3fs is built with, and that its scripts need to mount.
packages_build="gcc libc6-dev meson ninja-build pkg-config libfuse3-dev libssl-dev libsqlite3-dev libgsasl-dev libseccomp-dev scdoc"
packages_mount="fuse3 mount openssl rsync"

# Readers of a Maildir; the tests of those that are missing are skipped, by name.
packages_readers="maildir-utils mblaze mutt neomutt notmuch"

# What tests/soak reads with.
packages_soak="fio"

# What contrib/analysis runs.
packages_analysis="clang-tidy cppcheck shellcheck codespell pyflakes3"

# What contrib/coverage needs, beside all that the tests need.
packages_coverage="gcovr"

# What contrib/package needs.
packages_debian="debhelper dpkg-dev fakeroot libcmocka-dev lintian"

# What tests/boot makes and boots its machines with.
packages_boot="mmdebstrap systemd-container"

# Libraries of the POP3 servers that contrib/servers unpacks.
packages_servers="libcourier-unicode4 libidn12 liblockfile1 libltdl7 libmailutils9 libmu-dbm9 libnsl2 libpam-modules libwrap0"

# What the tests need; those with the servers that contrib/servers fetches, and with readers of a Maildir, are skipped
# without them.
packages_tests="libcmocka-dev python3 python3-pytest python3-pytest-xdist dovecot-core dovecot-pop3d attr procps util-linux \
	zsh fish $packages_servers $packages_readers"

# Who may install: root, or whoever sudo lets.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		echo "root is needed for: $*" >&2
		return 1
	fi
}

# Prints the packages of "$@" that are not installed.
packages_missing() {
	for package in "$@"; do
		case "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" in
		installed) ;;
		*) printf '%s ' "$package" ;;
		esac
	done
}

packages_policy=/usr/sbin/policy-rc.d # where invoke-rc.d asks whether a new service may start
packages_patience=300                 # seconds that another apt-get or dpkg may take
packages_systemd=/run/systemd/system  # there while systemd runs

# Of several sources of packages, one that cannot be had need not be the one that counts.
packages_fetch() {
	as_root apt-get -qq update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o DPkg::Lock::Timeout=$packages_patience install "$@"
}

# Installs what is missing of "$@", without starting a service for it. Says nothing if nothing is missing. Of those that
# share this tree one at a time does; who is interrupted takes the policy away all the same.
packages_install() (
	[ -n "$(packages_missing "$@")" ] || exit 0
	exec 9<"${BASH_SOURCE[0]}"
	flock 9
	missing=$(packages_missing "$@")
	[ -n "$missing" ] || exit 0
	command -v apt-get >/dev/null || {
		echo "these Debian packages are needed, and there is no apt-get: $missing" >&2
		exit 1
	}
	echo "installing $missing"
	log=$(mktemp) || exit
	policy=
	status=0
	# Whoever exits is interrupted by nothing: bash may tell of one signal twice, and would leave all where it is.
	trap 'trap "" HUP INT TERM; rm -f "$log"; [ -z "$policy" ] || as_root rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	if [ ! -e "$packages_policy" ]; then
		policy=$packages_policy
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy"
	fi
	# shellcheck disable=SC2086 # a list of words
	packages_fetch $missing </dev/null >"$log" 2>&1 9>&- || {
		status=1
		tail -n 20 "$log" >&2
	}
	# Not now, and not at the next boot; but a server that was here before is somebody's.
	case " $missing" in *" dovecot-core "*)
		[ ! -d "$packages_systemd" ] || as_root systemctl -q disable --now dovecot || true
		;;
	esac
	exit $status
)

# Makes sure of what an installed Debian has and a bare container may lack: /dev/fuse for everybody, the /etc/mtab
# that fusermount3 wants to see, and a name for 127.0.0.1.
machine_usable() {
	if [ "$(id -u)" = 0 ]; then
		[ -e /dev/fuse ] || modprobe fuse 2>/dev/null || mknod /dev/fuse c 10 229 || true
		chmod 0666 /dev/fuse 2>/dev/null || true
	fi
	[ -e /etc/mtab ] || as_root ln -s ../proc/self/mounts /etc/mtab
	getent hosts localhost >/dev/null || echo "127.0.0.1 localhost" | as_root tee -a /etc/hosts >/dev/null
	if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
		echo "/dev/fuse cannot be opened: is the fuse module loaded, may this user use it?" >&2
		return 1
	fi
}
