# Completion of pop3fs(1) for fish. What it knows of verbs and options it reads from `pop3fs --help`.

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

complete -c pop3fs -f
complete -c pop3fs -n 'test (count (__pop3fs_words)) = 1' -a '(__pop3fs_verbs; __pop3fs_accounts)'
complete -c pop3fs -n 'test (count (__pop3fs_words)) = 2' -a '(__pop3fs_mountpoints; __fish_complete_directories)'
complete -c pop3fs -n 'test (count (__pop3fs_words)) -gt 2' -a '(__pop3fs_names)'
complete -c pop3fs -s o -x -d 'options' -a '(__pop3fs_options)'
complete -c pop3fs -s f -l foreground -d 'stay in the foreground'
complete -c pop3fs -s d -l debug -d 'log the protocol'
complete -c pop3fs -s h -l help -d 'list all options'
complete -c pop3fs -s V -l version -d 'print the version'
