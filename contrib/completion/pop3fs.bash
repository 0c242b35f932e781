# shellcheck shell=bash
# Completion of pop3fs(1) for bash. What it knows of verbs and options it reads from `pop3fs --help`,
# and of a verb's flags from `pop3fs VERB --help`.

_pop3fs_verbs() {
	"$1" --help 2>/dev/null | sed -n 's/^ *pop3fs \([a-z|]\{1,\}\)\( .*\)\{0,1\}$/\1/p' | tr '|' '\n'
}

# The accounts of the configuration files: see pop3fs.conf(5).
_pop3fs_accounts() {
	sed -n 's/^[[:blank:]]*\[\([^] *]\{1,\}\)\][[:blank:]]*$/\1/p' "${XDG_CONFIG_HOME:-$HOME/.config}/pop3fs/config" /etc/pop3fs.conf 2>/dev/null
}

# The flags of the verb "$2", a line each.
_pop3fs_flags() {
	"$1" "$2" --help 2>/dev/null | sed -n '/^-/ { s/:.*//; s/, /\n/; p }'
	echo --help
}

# "name" or "name=VALUE", a line each.
_pop3fs_options() {
	"$1" --help 2>/dev/null | sed -n '/^Written/,$ {
		s/:.*as in mount(8)//
		/^  [a-z]/ { s/^  //; s/  .*//; s/ /\n/g; s/\([a-z_]*\)\[\(=.*\)\]/\1\n\1\2/; p }
	}'
}

_pop3fs_mountpoints() {
	local target

	sed -n 's/^\([^ ]* \)\{4\}\([^ ]*\) .* - fuse\.pop3fs .*/\2/p' /proc/self/mountinfo |
		while read -r target; do printf '%b\n' "${target//\\/\\0}"; done
}

# Those of the lines on stdin that begin with "$1".
_pop3fs_beginning() {
	local line

	while IFS= read -r line; do
		[[ $line != "$1"* ]] || printf '%s\n' "$line"
	done
}

# An option, or its value: what has been written of it is "$2".
_pop3fs_option() {
	local name=${2%%=*} row

	if [[ $2 != *=* ]]; then
		_pop3fs_options "$1" | sed 's/=.*/=/' | _pop3fs_beginning "$2"
		return
	fi
	row=$(_pop3fs_options "$1" | grep "^$name=")
	case ${row#*=} in
	FILE | PATH | DIR) compgen -P "$name=" -f -- "${2#*=}" ;;
	*\|*) tr '|' '\n' <<<"${row#*=}" | _pop3fs_beginning "${2#*=}" | sed "s/^/$name=/" ;;
	esac
}

# The first word of the rest that is no flag.
_pop3fs_first() {
	while [[ ${1-} = -* ]]; do shift; done
	printf '%s' "${1-}"
}

# Behind a verb: its flags, a mountpoint, names there.
_pop3fs_behind() {
	local program=$1 current=$2 verb=$3 mountpoint

	read -ra rest <<<"$4"
	mountpoint=$(_pop3fs_first "${rest[@]}")
	mountpoint=${mountpoint/#\~\//$HOME/}
	case $current:$verb:$mountpoint in
	-*) _pop3fs_flags "$program" "$verb" | _pop3fs_beginning "$current" ;;
	*:list:*) ;;
	*:) _pop3fs_mountpoints | _pop3fs_beginning "$current" && compgen -d -- "$current" ;;
	*:undelete:*) (CDPATH='' cd -- "$mountpoint/.pop3fs/deleted" && compgen -f -- "$current") 2>/dev/null ;;
	*) (CDPATH='' cd -- "$mountpoint" && compgen -f -- "$current") 2>/dev/null ;;
	esac
}

_pop3fs_word() {
	local program=$1 current=$2 previous=$3 line=$4 verb rest

	read -r _ verb rest <<<"$line"
	if [[ -n $verb ]] && _pop3fs_verbs "$program" | grep -qxF -e "$verb"; then
		_pop3fs_behind "$program" "$current" "$verb" "$rest"
	elif [[ $previous = -o ]]; then
		rest=${current##*,}
		_pop3fs_option "$program" "$rest" | sed "s|^|${current%"$rest"}|"
	elif [[ $current = --* ]]; then
		{
			"$program" --help | sed -n 's/^  \(-., \|    \)--\([a-z_]*\) .*/\2/p' | _pop3fs_beginning "${current#--}"
			_pop3fs_option "$program" "${current#--}"
		} | sed 's/^/--/'
	elif [[ $current = -* ]]; then
		printf '%s\n' -o -f -d -h -V | _pop3fs_beginning "$current"
	elif [[ -z $verb ]]; then
		{
			_pop3fs_verbs "$program"
			_pop3fs_accounts
		} | _pop3fs_beginning "$current"
	else
		compgen -d -- "$current"
	fi
}

_pop3fs() {
	local line=${COMP_LINE:0:COMP_POINT} current before previous prefix

	current=${line##* }
	before=${line%"$current"}
	previous=${before% }
	previous=${previous##* }
	mapfile -t COMPREPLY < <(_pop3fs_word "$1" "$current" "$previous" "$before" | sort -u)
	# readline has its own mind of where the last word begins
	prefix=${current%"${current##*[=:@]}"}
	[[ $COMP_WORDBREAKS != *=* ]] || COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
	[[ ${#COMPREPLY[@]} != 1 || ${COMPREPLY[0]} != *[=/] ]] || compopt -o nospace 2>/dev/null
	compopt -o filenames 2>/dev/null
}

complete -F _pop3fs pop3fs
