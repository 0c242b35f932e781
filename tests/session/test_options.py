"""Every option, bad in every way. The options are those of --help, so that none is forgotten."""

import re
import subprocess

import pytest

from programs import program, program_built

USAGE, SYSTEM = 1, 2
SOURCE = "pop3s://me@localhost:1"   # nobody listens there, and nobody is asked
SECRET = "hunter2"
MISSING = "/nowhere/file"

# What its VALUE is called in --help, and what is none.
BAD = {
    "TIME": ["soon", "-1", "1.5s", "5x", "s", "99999999999999999999", "1000000d", "0x10", " 5"],
    "SIZE": ["much", "-1", "1.5M", "5X", "M", "99999999999999999999", "99999999G"],
    "DAYS": ["many", "-1", "1.5", "5d", "99999999999999999999"],
    "N": ["many", "-1", "1.5", "5k", "99999999999999999999"],
    "DAYS": ["many", "-1", "1.5", "1d", "99999999"],
    "BITS": ["9", "1000", "-1", "rwx", "0x1"],
    "USER": ["nobody at all", "-1", "99999999999"],
    "GROUP": ["nobody at all", "-1", "99999999999"],
    "WORD": ["perhaps"],
    "COMMAND": ["a | b", "$HOME/x", "'a", '"a', "a\\", "   ", "a > b"],
    "URL": ["http://host", "socks5h://", "socks5h://host:0", "socks5h://host:65536", f"socks5h://me:{SECRET}@",
            f"socks5h://me:{SECRET}%zz@host", f"http://me:{SECRET}@host"],
    "TEXT": ["/", ".a/b", "." + "x" * 300],
    "PIN": ["sha1:aa", "sha256:", "sha256:zz", "sha256:" + "a" * 63, "a" * 64],
    # these are what somebody else has; whether it will do is seen when it is used
    "FILE": [], "PATH": [], "DIR": [],
}


def options():
    """[(name, what its value is called)] of --help: None for a flag; "[FILE]" where it may be missing."""
    text = subprocess.run([program_built("pop3fs"), "--help"], capture_output=True, text=True, check=True).stdout
    rows = text.split("--NAME=VALUE:\n")[1].splitlines()
    found = []
    for row in rows:
        if row.endswith("as in mount(8)"):
            found += [(name, None) for name in row.split(":")[0].split()]
        elif match := re.match(r"  ([a-z0-9_]+)(\[)?(?:=([^ \]]+))?\]?(?: |$)", row):
            name, optional, value = match.groups()
            found.append((name, f"[{value}]" if optional else value))
        elif not row.startswith("   "):
            found += [(name, None) for name in row.split()]
    letters = re.findall(r"^ +(?:-., )?--([a-z_]+) ", text, re.M)
    return found, letters


OPTIONS, LETTERS = options()
FLAGS = [name for name, value in OPTIONS if value is None]
VALUES = [(name, value) for name, value in OPTIONS if value and value[0] != "["]
NAMES = [name for name, _ in OPTIONS]


def kind(value):
    value = value.strip("[]")
    return "WORD" if "|" in value else value


def good(name, value):
    """A value that the option takes, where any is needed to be given twice."""
    if "|" in value:
        return value.split("|")[0]
    return {"TIME": "5s", "SIZE": "1M", "N": "5", "DAYS": "5", "BITS": "077", "USER": "0", "GROUP": "0", "COMMAND": "true",
            "URL": "socks5h://localhost", "PIN": "sha256:" + "a" * 64, "WORD": "PLAIN", "FILE": "/dev/null", "PATH": "/dev/null", "DIR": "/tmp"}.get(kind(value), "x")


@pytest.fixture(scope="module")
def refused(root, ordinary_person):
    """refused(name, words) runs pop3fs with these, which must say one sentence with the name in it."""
    mountpoint = ordinary_person.directory("mnt")

    def run(named, *words, codes=(USAGE,)):
        done = ordinary_person.run(program("pop3fs", root), *words, SOURCE, mountpoint)
        assert done.code in codes, (words, done)
        assert done.out == ""
        assert done.err.startswith("pop3fs: ") and done.err.count("\n") == 1 and done.err.isascii(), (words, done.err)
        assert named in done.err, (words, done.err)
        assert SECRET not in done.err, words
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", done.err), (words, done.err)

    return run


def escaped(value):
    return value.replace("\\", "\\\\").replace(",", "\\,")


def both(name, value):
    """The two ways to write it."""
    return [["-o", f"{name}={escaped(value)}"], [f"--{name}={value}"]]


def test_the_table_was_found():
    assert {"timeout", "password_file", "netrc", "ro", "nosuid", "proxy"} <= set(NAMES)
    assert {"foreground", "debug", "help", "version", "print_config"} == set(LETTERS)
    assert len(set(NAMES)) == len(NAMES)
    unknown = [(name, value) for name, value in OPTIONS if value and kind(value) not in BAD]
    assert not unknown, "say in BAD what is no such value"


@pytest.mark.parametrize("name", NAMES)
def test_twice_is_once_too_often(refused, name):
    value = dict(OPTIONS)[name]
    item = f"{name}={good(name, value)}" if value else name
    refused(f"{name} is given twice", "-o", f"{item},{item}")


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_has_no_value(refused, name):
    for words in both(name, "yes"):
        refused(name, *words)
    refused(name, "-o", f"{name}=")


@pytest.mark.parametrize("name, value", VALUES)
def test_a_value_may_not_be_missing(refused, name, value):
    for words in (["-o", name], ["-o", f"{name}="], [f"--{name}="]):
        refused(name, *words)


@pytest.mark.parametrize("name", [name for name, value in OPTIONS if value])
def test_no_value_has_a_control_character(refused, name):
    for octet in ("\n", "\r", "\x01", "\x1b[2J", "\x7f", "\t"):
        for words in both(name, f"a{octet}b"):
            refused(name, *words)


@pytest.mark.parametrize("name, value", [(name, value) for name, value in OPTIONS if value and BAD.get(kind(value))])
def test_what_makes_no_sense_is_refused(refused, name, value):
    for bad in BAD[kind(value)]:
        for words in both(name, bad):
            refused(name, *words)


@pytest.mark.parametrize("name, value", [(name, value) for name, value in OPTIONS
                                         if value and kind(value) in ("FILE", "PATH", "DIR")])
def test_what_is_not_there_is_named(refused, name, value):
    """Also where another option must be given for it to count: that is said, then."""
    secret = ["-o", "password_command=echo secret"] if name not in ("password_file", "netrc") else []
    place = "/proc/nowhere" if value == "DIR" else MISSING
    refused("", *secret, "-o", f"{name}={place}", codes=(USAGE, SYSTEM))


@pytest.mark.parametrize("name", LETTERS)
def test_what_is_for_the_command_line_is_no_item_of_a_list(refused, name):
    refused(name, "-o", name)


@pytest.mark.parametrize("name", ["nonsense", "Timeout", "time", "timeouts", "no-such-thing", "\x1b[2J", "t\u00fcr"])
def test_what_is_unknown_is_named_and_escaped(refused, name):
    shown = name if name.isascii() and name.isprintable() else "\\x"
    for words in (["-o", name], ["-o", f"{name}=5"], [f"--{name}"], [f"--{name}=5"]):
        refused(shown, *words)


@pytest.mark.parametrize("words", [["-o", "pass\\word"], ["-o", "ro\\"], ["-o"]])
def test_a_list_that_is_no_list(refused, words):
    refused("-o", *words) if len(words) > 1 else refused("", *words)


@pytest.mark.parametrize("source", [
    f"me:{SECRET}@localhost", f"pop3s://me:{SECRET}@localhost", f"pop3s://me:{SECRET}@localhost:0",
    f"pop://me:{SECRET};AUTH=PLAIN@localhost", f"pop://me;AUTH=PLAIN:{SECRET}@localhost", f"imap://me:{SECRET}@localhost",
    f"pop3s://me:{SECRET}", f"me:{SECRET}@local\x1b[2Jhost", f"pop3s://me%0a:{SECRET}@localhost",
])
def test_a_password_in_source_is_not_repeated(root, person, source):
    done = person.run(program("pop3fs", root), source, person.directory("mnt"))
    assert done.code == USAGE and done.err.count("\n") == 1
    assert SECRET not in done.err and "\x1b" not in done.err
