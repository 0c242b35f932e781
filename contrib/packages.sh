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

# Installs what is missing of "$@", without starting a service for it. Says nothing if nothing is missing.
packages_install() {
	local missing policy=/usr/sbin/policy-rc.d made='' status=0

	missing=$(packages_missing "$@")
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null || {
		echo "these Debian packages are needed, and there is no apt-get: $missing" >&2
		return 1
	}
	echo "installing $missing"
	if [ ! -e "$policy" ]; then # invoke-rc.d asks it whether a new service may start
		printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null &&
			as_root chmod 755 "$policy" && made=yes
	fi
	# shellcheck disable=SC2086 # a list of words
	{
		as_root apt-get -qq update &&
			as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
				install $missing
	} </dev/null >"${TMPDIR:-/tmp}/pop3fs-apt.$$" 2>&1 || status=1
	[ $status = 0 ] || tail -n 20 "${TMPDIR:-/tmp}/pop3fs-apt.$$" >&2
	rm -f "${TMPDIR:-/tmp}/pop3fs-apt.$$"
	[ -z "$made" ] || as_root rm -f "$policy"
	# Not now, and not at the next boot.
	case "$missing" in *dovecot*)
		[ ! -d /run/systemd/system ] || as_root systemctl -q disable --now dovecot || true
		;;
	esac
	return $status
}

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
