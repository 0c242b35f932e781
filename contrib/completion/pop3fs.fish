# Completion of pop3fs(1) for fish. What it knows of verbs and options it reads from `pop3fs --help`,
# and of a verb's flags from `pop3fs VERB --help`.

function __pop3fs_verbs
    pop3fs --help 2>/dev/null | sed -n 's/^ *pop3fs \([a-z|]\{1,\}\)\( .*\)\{0,1\}$/\1/p' | tr '|' '\n'
end

# The accounts of the configuration files: see pop3fs.conf(5).
function __pop3fs_accounts
    set -l configuration ~/.config
    test -n "$XDG_CONFIG_HOME"; and set configuration $XDG_CONFIG_HOME
    sed -n 's/^[[:blank:]]*\[\([^] *]\{1,\}\)\][[:blank:]]*$/\1/p' $configuration/pop3fs/config /etc/pop3fs.conf 2>/dev/null
end

# "name" or "name=VALUE", a line each.
function __pop3fs_rows
    pop3fs --help 2>/dev/null | sed -n '/^Written/,$ {
		s/:.*as in mount(8)//
		/^  [a-z]/ { s/^  //; s/  .*//; s/ /\n/g; s/\([a-z_]*\)\[\(=.*\)\]/\1\n\1\2/; p }
	}'
end

# What the list behind -o may go on with.
function __pop3fs_options
    set -l written (commandline -ct | string replace -r '^-o' '')
    set -l before (string match -r '^.*,' -- $written)
    set -l item (string replace -r '^.*,' '' -- $written)
    set -l name (string replace -r '=.*' '' -- $item)
    if not string match -q '*=*' -- $item
        __pop3fs_rows | string replace -r '=.*' '=' | sed "s|^|$before|"
        return
    end
    for row in (__pop3fs_rows | string match -- "$name=*")
        set -l value (string replace -r '^[^=]*=' '' -- $row)
        if contains -- $value FILE PATH DIR
            __fish_complete_path (string replace -r '^[^=]*=' '' -- $item) | sed "s|^|$before$name=|"
        else if string match -q '*|*' -- $value
            string split '|' -- $value | sed "s|^|$before$name=|"
        end
    end
end

function __pop3fs_mountpoints
    sed -n 's/^\([^ ]* \)\{4\}\([^ ]*\) .* - fuse\.pop3fs .*/\2/p' /proc/self/mountinfo | string unescape
end

function __pop3fs_words
    commandline -opc | string match -v -- '-*'
end

function __pop3fs_names
    set -l words (__pop3fs_words)
    switch $words[2]
        case undelete
            command ls -- $words[3]/.pop3fs/deleted 2>/dev/null
        case '*'
            command ls -- $words[3] 2>/dev/null
    end
end

# Whether the first word is a verb.
function __pop3fs_is_verb
    contains -- (__pop3fs_words)[2] (__pop3fs_verbs)
end

# The flags of the verb, with what they do.
function __pop3fs_flags
    set -l words (__pop3fs_words)
    pop3fs $words[2] --help 2>/dev/null | sed -n '/^-/ {
		s/^\(-[a-z]*\), \(--[a-z]*\): \(.*\)/\1\t\3\n\2\t\3/
		s/^\(--*[a-z]*\): \(.*\)/\1\t\2/
		p
	}'
    printf '%s\t%s\n' --help 'what it does'
end

complete -c pop3fs -f
complete -c pop3fs -n 'test (count (__pop3fs_words)) = 1' -a '(__pop3fs_verbs; __pop3fs_accounts)'
complete -c pop3fs -n 'test (count (__pop3fs_words)) = 2; and __pop3fs_is_verb; and test (__pop3fs_words)[2] != list' -a '(__pop3fs_mountpoints)'
complete -c pop3fs -n 'test (count (__pop3fs_words)) = 2; and test (__pop3fs_words)[2] != list' -a '(__fish_complete_directories)'
complete -c pop3fs -n 'test (count (__pop3fs_words)) -gt 2; and __pop3fs_is_verb' -a '(__pop3fs_names)'
complete -c pop3fs -n '__pop3fs_is_verb; and string match -q -- "-*" (commandline -ct)' -a '(__pop3fs_flags)'
complete -c pop3fs -n 'not __pop3fs_is_verb' -s o -x -d 'options' -a '(__pop3fs_options)'
complete -c pop3fs -n 'not __pop3fs_is_verb' -s f -l foreground -d 'stay in the foreground'
complete -c pop3fs -n 'not __pop3fs_is_verb' -s d -l debug -d 'log the protocol'
complete -c pop3fs -n 'not __pop3fs_is_verb' -s h -l help -d 'list all options'
complete -c pop3fs -n 'not __pop3fs_is_verb' -s V -l version -d 'print the version'
