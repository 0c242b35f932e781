""".pop3fs/headers: the header of each message as a file, without fetching the message."""

import os

import pytest

import shapes
from eventually import eventually
from mounting import digest


def header_of(octets):
    """Up to and including the empty line."""
    head, end, _ = octets.partition(b"\r\n\r\n")
    return head + end


def message(number, body=b"body\r\n" * 100):
    return (b"Received: from a by b; Tue, 02 Jan 2024 10:00:00 +0000\r\nSubject: number %d\r\n\r\n" % number) + body


MAIL = {f"message-{n:02}": message(n) for n in range(20)}
HEADERS = {name: header_of(octets) for name, octets in MAIL.items()}


def path(mount, name=""):
    return mount.path / ".pop3fs/headers" / name


def headers(mount):
    return mount.call(lambda: {name: path(mount, name).read_bytes() for name in os.listdir(path(mount))})


def sizes(mount):
    return mount.call(lambda: {name: os.stat(path(mount, name)).st_size for name in os.listdir(path(mount))})


def open_and_stat(mount, name):
    def look():
        with path(mount, name).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return size, file.read()
    return mount.call(look)


def test_headers_learnt_at_the_listing_cost_nothing(anyone, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, anyone)
    tops = server.sent("TOP")
    assert sizes(mount) == {name: len(octets) for name, octets in HEADERS.items()}
    assert headers(mount) == HEADERS
    found = mount.run("grep", "-r", "^Subject: number 1[0-9]", path(mount)).ok().out
    assert len(found.splitlines()) == 10
    assert server.sent("RETR") == 0 and server.sent("TOP") == tops
    assert mount.umount() == 0


def test_a_header_not_yet_learnt_is_brought_by_top_at_open(anyone, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, anyone, headers=0)
    assert server.sent("TOP") == 0
    assert open_and_stat(mount, "message-07") == (len(HEADERS["message-07"]), HEADERS["message-07"])
    assert server.sent("TOP") == 1
    assert sizes(mount)["message-07"] == len(HEADERS["message-07"])
    assert headers(mount) == HEADERS
    assert server.sent("TOP") == len(MAIL) and server.sent("RETR") == 0
    assert mount.umount() == 0
    later = mounts.mount(server, anyone, cache=mount.cache)
    assert headers(later) == HEADERS
    assert server.sent("TOP") == len(MAIL) and server.sent("RETR") == 0
    assert later.umount() == 0


def test_a_reader_in_order_gets_headers_ahead(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, headers=0)
    first, second, *_ = sorted(MAIL)
    open_and_stat(mount, first)
    open_and_stat(mount, second)
    eventually(lambda: server.sent("TOP") == 6, "headers ahead of the reader")
    assert mount.umount() == 0


@pytest.mark.parametrize("options", [["--capa", "UIDL", "--capa", "USER"], []])
def test_without_top_a_header_comes_with_its_message(person, mounts, serve, options):
    server = serve(*options, messages=MAIL, rules=[] if options else ['on TOP err "no"'])
    mount = mounts.mount(server, person, way="plain", headers=0, prefetch=0)
    assert open_and_stat(mount, "message-03") == (len(HEADERS["message-03"]), HEADERS["message-03"])
    assert server.sent("RETR") == 1
    assert mount.umount() == 0


@pytest.mark.parametrize("rule", ["on TOP 4 cut 30", "on TOP 4 abort", 'on TOP 4 reply "+OK\\r\\n.\\r\\n"',
                                  'on TOP 4 reply "+OK\\r\\n.\\r\\nout of step\\r\\n.\\r\\n"'])
def test_a_top_that_fails_costs_no_header(person, mounts, serve, rule):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, headers=0)
    server.rules(rule)
    assert open_and_stat(mount, "message-03") == (len(HEADERS["message-03"]), HEADERS["message-03"])
    assert headers(mount) == HEADERS
    assert mount.umount() == 0


def test_an_error_is_the_reader_s_and_ends(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, headers=0, timeout=1, retry=0)
    server.rules("on TOP 4 stall", "on RETR 4 stall")
    with pytest.raises(TimeoutError):
        open_and_stat(mount, "message-03")
    assert open_and_stat(mount, "message-04")[1] == HEADERS["message-04"]
    assert mount.umount() == 0


def test_a_waiting_open_can_be_interrupted(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, headers=0)
    server.rules("on TOP 1 stall")
    done = mount.run("timeout", "-s", "INT", "1", "cat", path(mount, "message-00"), deadline=20)
    assert done.code != 0
    assert len(mount.names()) == len(MAIL)
    server.rules()
    assert mount.umount() == 0


def test_headers_of_any_length(person, mounts, serve):
    long = b"".join(b"X-Line-%05d: %s\r\n" % (n, b"v" * 50) for n in range(5000))
    mail = {
        "at-the-limit": b"A: " + b"b" * (65536 - 7) + b"\r\n\r\nbody\r\n",
        "below-the-limit": b"A: " + b"b" * (65535 - 7) + b"\r\n\r\nbody\r\n",
        "empty": b"",
        "huge": long + b"\r\nbody\r\n",
        "no-body": b"Subject: alone\r\n\r\n",
        "no-header": b"\r\nbody alone\r\n",
        "plain": message(1),
    }
    server = serve(messages=mail)
    mount = mounts.mount(server, person)
    want = {name: header_of(octets) if b"\r\n\r\n" in octets else octets for name, octets in mail.items()}
    want["no-header"] = b"\r\n"
    for name in mail:
        assert open_and_stat(mount, name) == (len(want[name]), want[name])
    assert headers(mount) == want
    assert sizes(mount) == {name: len(octets) for name, octets in want.items()}
    assert server.sent("RETR") == 2      # those too long to be kept
    assert mount.umount() == 0


def test_the_header_is_the_message_s_own_once_it_is_there(person, mounts, serve):
    noted = b"Status: RO\r\nX-UID: 5\r\n" + MAIL["message-00"]
    server = serve(messages={"message-00": MAIL["message-00"]})
    mount = mounts.mount(server, person)
    assert open_and_stat(mount, "message-00")[1] == HEADERS["message-00"]
    server.deliver("message-00", noted)
    mount.run(mount.argv[0], "refresh", mount.path).ok()
    assert mount.read("message-00") == noted
    assert open_and_stat(mount, "message-00") == (len(header_of(noted)), header_of(noted))
    assert mount.umount() == 0


def test_all_shapes_by_dovecot(account, person, mounts):
    odd = shapes.odd()
    del odd["attachment"]
    for octets in odd.values():
        account.deliver(octets)
    sent = account.retr()
    mount = mounts.mount(account, person)
    got = headers(mount)
    assert sorted(got) == sorted(sent)
    for name, octets in sent.items():
        assert octets.startswith(got[name]) and got[name].rstrip(b"\r\n") in header_of(octets)
        assert header_of(octets).startswith(got[name])
    assert digest(b"".join(mount.read(name) for name in sorted(got))) == \
           digest(b"".join(sent[name] for name in sorted(got)))
    assert headers(mount) == {name: whole(octets) for name, octets in sent.items()}
    assert mount.umount() == 0


def whole(octets):
    if octets.startswith(b"\r\n"):
        return b"\r\n"
    return header_of(octets) if b"\r\n\r\n" in octets else octets


def test_what_is_deleted_has_no_header_and_nothing_can_be_written(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person)
    mount.call(os.unlink, mount.path / "message-00")
    assert "message-00" not in mount.call(os.listdir, path(mount))
    for attempt in [lambda: os.unlink(path(mount, "message-01")), lambda: path(mount, "new").write_bytes(b"x"),
                    lambda: os.rename(path(mount, "message-01"), mount.path / "message-01"),
                    lambda: os.mkdir(path(mount, "new")), lambda: os.rmdir(path(mount))]:
        with pytest.raises(PermissionError):
            mount.call(attempt)
    assert mount.umount() == 0


def test_nothing_that_walks_the_tree_sees_it(person, mounts, serve):
    server = serve(messages=MAIL)
    mount = mounts.mount(server, person, prefetch=0)
    for command in [["ls", "-aR"], ["find"], ["du", "-a"]]:
        assert "pop3fs/" not in mount.run(*command, mount.path).ok().out
    assert "headers" in mount.run("ls", mount.path / ".pop3fs").ok().out
    assert sorted(mount.run("ls", path(mount)).ok().out.split()) == sorted(MAIL)
    assert mount.umount() == 0
