"""Each hostile server of the table (hostile/) through a real mount: what can be had is whole, what cannot is an error
of that file alone, nothing hangs, and nothing is deleted that nobody removed."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from hostile import ROWS
from hostile.row import MAIL

BOUND = 60     # seconds that a look at all files may take: no row's errors take longer
NOT_MOUNTED = 32
VERBS = {"CAPA", "STLS", "USER", "PASS", "AUTH", "UTF8", "STAT", "UIDL", "LIST", "TOP", "RETR", "NOOP", "DELE", "QUIT"}


def look(mount, together=False):
    """{name: (octets, st_size after open), or an errno}: in the order of the names, or all of them at once."""
    def read(name):
        try:
            with (mount.path / name).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                return file.read(), size
        except OSError as error:
            return error.errno

    def read_all():
        names = sorted(os.listdir(mount.path))
        with ThreadPoolExecutor(len(names) + 1 if together else 1) as readers:
            return dict(zip(names, readers.map(read, names)))
    return mount.call(read_all, deadline=BOUND)


def check_files(seen, wanted):
    assert sorted(seen) == sorted(wanted)
    for name, want in wanted.items():
        choices = want if isinstance(want, list) else [want]
        assert seen[name] in [(c, len(c)) if isinstance(c, bytes) else c for c in choices], name


def check_manners(server, row):
    """No command that nobody announces, and none by a number once numbers may have moved."""
    deleting, verb = set(), ""
    for line in server.lines():
        words = line.split(" ")
        if words[0] != "CONN" or words[2] != ">":
            continue
        before, verb = verb, words[3].rstrip("\r")
        assert verb in VERBS or before == "AUTH", line
        if verb == "DELE":
            deleting.add(words[1])
        assert words[1] not in deleting or verb in ("DELE", "QUIT", "NOOP"), line
    for verb, count in row.sent.items():
        assert server.sent(verb) == count, verb
    if not row.remove:
        assert deleting == set()


def check_fired(server, row):
    """The server has done something of what it was told to do."""
    fired = any(re.match(r"CONN \d+ fault on (?!CONNECT chunk)", line) for line in server.lines())
    assert row.fires is None or fired == (row.fires and bool(row.rules))


def check_refused(mount, done, words):
    assert done.code == NOT_MOUNTED, done
    lines = [line for line in done.err.splitlines() if not line.startswith("pop3fs: tls=off:")]
    assert len(lines) == 1 and re.search(words, lines[0]), done.err
    assert "\x1b" not in done.err and not mount.is_mounted()


def check_status(mount, row):
    status = mount.status()
    for key, words in row.status.items():
        assert re.search(f"^{words}$", status[key]), status


def check_mounted(mount, row, together):
    first = look(mount, together)
    check_files(first, row.wanted())
    again = look(mount)                      # from the cache, but what could not be had
    for name, seen in first.items():
        assert isinstance(seen, int) or again[name] == seen, name
    check_status(mount, row)
    mount.call(lambda: [os.unlink(mount.path / name) for name in row.remove] and None)
    code = mount.umount()
    assert row.code is None or code == row.code


def check_then(server, mounts, person, cache, row, options):
    server.rules(*row.then.rules)
    for name, octets in row.then.messages.items():
        server.deliver(name, octets)
    if row.then.refused:
        check_refused(*mounts.attempt(server, person, cache=cache, **options), row.then.refused)
        server.rules()
    mount = mounts.mount(server, person, cache=cache, **options)
    wanted = {**row.wanted(), **row.then.files}
    check_files(look(mount), {name: want for name, want in wanted.items() if want is not None})
    mount.umount()


# How the server's octets come, whether several commands may be out, and who reads: one after the other, or all at once.
WAYS = [("whole", "auto", "in order"), ("whole", "off", "in order"), ("cut", "auto", "in order"),
        ("cut", "off", "in order"), ("whole", "auto", "at once"), ("whole", "on", "at once")]


@pytest.mark.parametrize("cut, pipelining, readers", WAYS, ids=["-".join(way).replace(" ", "-") for way in WAYS])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_hostile(person, mounts, serve, request, row, cut, pipelining, readers):
    if pipelining == "on" and not row.insists:
        pytest.skip("who insists on it cannot have this server")
    if row.fails:
        request.applymarker(pytest.mark.xfail(reason=row.fails, strict=True))
    pieces = [f"on CONNECT chunk {row.pieces}"] if cut == "cut" else []
    server = serve(*row.options, messages=row.messages, rules=[*row.rules, *pieces])
    options = {"retry": 0, "pipelining": pipelining, "way": row.way, **row.mount}
    mount, done = mounts.attempt(server, person, **options)
    if row.refused:
        check_refused(mount, done, row.refused)
    else:
        done.ok()
        mount.pid = mount.find_daemon()
        check_mounted(mount, row, readers == "at once")
    check_fired(server, row)
    check_manners(server, row)
    left = row.left or sorted(row.messages)
    if row.left is not None:
        assert sorted(server.messages()) == sorted(left)
    if row.then:
        check_then(server, mounts, person, mount.cache, row, options)


def test_the_rows_see_windows_where_they_may(person, mounts, serve):
    for pipelining, windows in (("auto", True), ("off", False)):
        server = serve(messages=MAIL)
        mount = mounts.mount(server, person, way="plain", pipelining=pipelining)
        check_files(look(mount), MAIL)
        assert (server.sent("NOOP") > 0) == windows
        assert mount.umount() == 0
