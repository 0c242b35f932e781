"""prefetch=all: every message comes by itself, and new ones are shown when they are here."""

import concurrent.futures
import errno
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest

import shapes
from caches import drop_caches
from eventually import eventually
from mounting import digest
from popserver import capabilities
from programs import program

NEVER = 1000    # seconds: nothing is listed by itself
SIZE = 2000
ROOMY = {"cache_min_free": 0, "refresh": NEVER}


@pytest.fixture
def verb(root):
    def run(mount, word, *names):
        return mount.run(program("pop3fs", root), word, mount.path, *names)
    return run


@pytest.fixture
def mirror(mounts, anyone):
    """mirror(server, option=...) is a mount that keeps a mirror."""
    def mount(server, **options):
        return mounts.mount(server, anyone, **{"prefetch": "all", **ROOMY, **options})
    return mount


def letter(name, octets=200):
    head = shapes.header(name).replace(b"\n", b"\r\n")
    return head + (b"x" * 60 + b"\r\n") * ((octets - len(head)) // 62 + 1)


def said(mount):
    return mount.status()["mirror"]


def whole(mount, count):
    eventually(lambda: said(mount).split(", with")[0] == f"{count} of {count}", "all in the cache")


def test_all_come_without_a_reader(mirror, serve):
    server = serve(synthetic=f"300:{SIZE}")
    mount = mirror(server)
    whole(mount, 300)
    server.stop()
    assert len(mount.sums()) == 300
    assert server.sent("RETR") == 300


@pytest.mark.parametrize("turn", range(20))
def test_who_comes_at_once_may_enter(mounts, serve, person, turn):
    """The kernel passes over what it is told of the root's permissions while a notification of the root comes by: of
    another listing here, since the line breaks."""
    server = serve(*capabilities("PIPELINING"), rules=["on RETR 6 times=1 cut 200000"],
                   messages={f"m{number}": letter("new", 300000 if number % 3 == 2 else 200) for number in range(6)})
    mount = mounts.mount(server, person, prefetch="all", default_permissions=True, **ROOMY)
    assert int(mount.status()["pid"])
    assert mount.umount() == 0


def test_it_is_off_unless_asked_for(mounts, person, serve):
    mount = mounts.mount(serve(synthetic=f"3:{SIZE}"), person)
    assert said(mount) == "off"


def test_octets_are_dovecots(dovecot, mirror):
    account = dovecot.account()
    for number in range(20):
        account.deliver(shapes.ordinary(number))
    mount = mirror(account)
    whole(mount, 20)
    assert sorted(mount.sums().values()) == sorted(digest(octets) for octets in account.retr().values())


def test_a_reader_goes_before_it(mirror, serve):
    server = serve(synthetic=f"40:{SIZE}", rules=["on RETR delay 100"])
    mount = mirror(server, pipelining="off")
    server.wait_for("> RETR 2$")
    mount.read("m0000039")
    order = [command for command in server.commands() if command.startswith("RETR")]
    assert order.index("RETR 40") < 30


def test_what_comes_later_is_shown_when_it_is_here(mirror, serve, verb):
    server = serve(messages={"a": letter("a")})
    mount = mirror(server)
    whole(mount, 1)
    server.rules("on RETR 2 delay 700")
    server.deliver("b", letter("b"))
    server.deliver("c", letter("c"))
    verb(mount, "refresh").ok()
    assert mount.names() == ["a"]
    assert "coming" in said(mount)
    assert mount.call(lambda: (mount.path / "b").exists()) is False
    whole(mount, 3)
    assert mount.names() == ["a", "b", "c"]
    assert server.sent("RETR") == 3


def test_who_has_the_directory_open_sees_nothing_that_came_since(mirror, serve, root):
    server = serve(messages={name: letter(name) for name in "ab"})
    mount = mirror(server)
    whole(mount, 2)
    server.rules("on RETR delay 300")
    server.deliver("c", letter("c"))
    refresh = [str(word) for word in (program("pop3fs", root), "refresh", mount.path)]

    def play():
        with os.scandir(mount.path) as before, os.scandir(mount.path) as after:
            next(before)
            assert subprocess.run(refresh).returncode == 0
            while not (mount.path / "c").exists():
                time.sleep(0.01)
            return len(list(before)), sorted(entry.name for entry in after), sorted(os.listdir(mount.path))

    assert mount.call(play) == (1, ["a", "b"], ["a", "b", "c"])


def test_what_comes_and_goes_again_was_never_there(mirror, serve, verb):
    server = serve(messages={"a": letter("a")})
    mount = mirror(server)
    whole(mount, 1)
    server.rules("on RETR 2 delay 700")
    server.deliver("b", letter("b"))
    verb(mount, "refresh").ok()
    (server.directory / "b").unlink()
    verb(mount, "refresh").ok()
    assert mount.names() == ["a"]
    eventually(lambda: said(mount).split(", with")[0] == "1 of 1")


def test_what_the_server_refuses_is_shown_and_the_rest_comes(mirror, serve, verb):
    server = serve(messages={"a": letter("a")}, rules=['on RETR 2-3 err "no"'])
    mount = mirror(server)
    whole(mount, 1)
    for name in "bcd":
        server.deliver(name, letter(name))
    verb(mount, "refresh").ok()
    eventually(lambda: said(mount) == "2 of 4, 2 cannot be had")
    assert mount.names() == ["a", "b", "c", "d"]
    assert mount.run("cat", mount.path / "b").err.endswith("Input/output error\n")
    assert mount.read("d") == letter("d")
    server.rules()      # by itself it is not asked for again so soon
    assert mount.read("b") == letter("b")
    assert mount.read("c") == letter("c")
    assert said(mount) == "4 of 4"


def test_the_first_message_comes_with_the_listing(mirror, serve):
    server = serve(synthetic=f"20:{SIZE}")
    mount = mirror(server)
    whole(mount, 20)
    asked = [line for line in server.commands() if line.split(" ")[0] in ("TOP", "LIST", "RETR", "NOOP")]
    first = asked.index("TOP 1 0")
    assert asked[first:first + 4] == ["TOP 1 0", "LIST 1", "RETR 1", "RETR 2"]
    assert server.sent("RETR") == 20
    assert len(mount.sums()) == 20


@pytest.mark.parametrize("rule", [
    "on TOP 1 corrupt-pipelined", "on RETR 1 times=1 abort", "on RETR 1 times=1 stall", "on RETR 1 times=1 cut 100",
    'on RETR 1 times=1 err "no"', "on LIST 1 times=1 abort", "on LIST 1 times=1 stall", 'on LIST 1 times=1 err "no"',
    'on LIST 1 times=1 reply "+OK 2 9999\\r\\n"', 'on TOP 1 times=1 append "+OK\\r\\n"', "on RETR 1 corrupt-pipelined",
    'on RETR 1 times=1 reply "+OK\\r\\nSubject: 4\\r\\n\\r\\nanother\\r\\n.\\r\\n"', "on RETR 1 listed 20",
])
def test_what_is_wrong_with_the_first_harms_no_message(mirror, serve, rule):
    mail = {f"m{number}": letter(str(number), SIZE) for number in range(5)}
    server = serve(messages=mail, rules=[rule])
    mount = mirror(server, timeout=1)
    eventually(lambda: said(mount).startswith(("5 of 5", "4 of 5, 1 cannot be had")))    # one that was silent
    assert {name: mount.read(name) for name in mail} == mail
    for name in mail:
        assert mount.call(os.getxattr, mount.path / name, "user.mail.subject") == name[1:].encode()


def test_a_maildrop_that_is_too_large_has_none(mirror, serve, verb):
    server = serve(messages={f"m{number}": letter(str(number), SIZE) for number in range(9)})
    size = sum(len(octets) for octets in server.messages().values())
    mount = mirror(server, cache_size=size - 1, idle=0)
    assert said(mount) == "none, the maildrop is larger than cache_size"
    assert mount.read("m5")
    server.settled()
    assert server.sent("RETR") == 1
    (server.directory / "m0").unlink()
    verb(mount, "refresh").ok()
    whole(mount, 8)
    server.deliver("m9", letter("9", 2 * SIZE))
    verb(mount, "refresh").ok()
    assert "m9" in mount.names()


def test_without_a_server_it_goes_on_when_there_is_one(mirror, serve, verb):
    server = serve(synthetic=f"20:{SIZE}", rules=["on RETR 5 stall"])
    mount = mirror(server, retry=0, idle=0)
    server.wait_for("> RETR 5$")
    server.down()
    server.unplug()
    eventually(lambda: mount.status()["state"] == "offline")
    server.up()
    server.rules()
    verb(mount, "refresh").ok()
    whole(mount, 20)


def test_what_was_deleted_before_it_came_is_not_fetched(mirror, serve, verb):
    server = serve(synthetic=f"30:{SIZE}", rules=["on RETR delay 50"])
    mount = mirror(server, pipelining="off")
    mount.call(lambda: (mount.path / "m0000029").unlink())
    verb(mount, "undelete", "m0000029").ok()
    assert len(mount.names()) == 30


def test_a_mount_with_all_in_the_cache_asks_for_nothing(mirror, serve, mounts, anyone):
    server = serve(synthetic=f"50:{SIZE}")
    first = mirror(server)
    whole(first, 50)
    assert first.umount() == 0
    second = mirror(server, cache=first.cache)
    assert said(second).startswith("50 of 50")
    assert len(second.sums()) == 50
    assert server.sent("RETR") == 50


def test_offline_it_shows_what_there_is(mirror, serve):
    server = serve(synthetic=f"10:{SIZE}")
    first = mirror(server)
    whole(first, 10)
    first.umount()
    server.down()
    second = mirror(server, cache=first.cache, offline=True)
    assert len(second.sums()) == 10
    assert said(second).startswith("10 of 10")


def test_nocache_contradicts_it(mounts, person, serve):
    _, done = mounts.attempt(serve(synthetic=f"1:{SIZE}"), person, prefetch="all", nocache=True)
    assert done.code == 1
    assert "prefetch=all keeps every message in the cache, and nocache keeps none" in done.err


def test_an_unmount_does_not_wait_for_it(mirror, serve):
    server = serve(synthetic=f"6:{SIZE}", rules=["on RETR stall"])
    mount = mirror(server, timeout=600)
    server.wait_for("> RETR")
    assert mount.terminate() == 0


# ---- without open ----

BINDING = {"default_permissions": True, "ro": True}


@pytest.fixture
def closed(mirror, serve):
    """closed(messages, option=...): (server, mount) of a whole mirror that is read without open."""
    def mount(messages, **options):
        server = serve(messages=messages)
        made = mirror(server, **{**BINDING, **options})
        whole(made, len(messages))
        made.names()
        assert said(made).endswith("without open")
        return server, made
    return mount


def numbered(count, size=SIZE):
    return {f"m{number:04}": letter(str(number), size) for number in range(count)}


@pytest.fixture
def letting_in(root):
    """letting_in(): an ordinary user may let others into his mount. Where the machine does not say so, root says it
    for as long as the test takes."""
    here = Path("/etc/fuse.conf")
    laid = []

    def allow():
        if "user_allow_other" in [line.strip() for line in here.read_text().splitlines()]:
            return
        if os.geteuid() != 0:
            pytest.skip(f"user_allow_other is not set in {here}, and only root can lay another over it")
        conf = root / "fuse.conf"
        conf.write_text("user_allow_other\n")
        subprocess.run(["mount", "--bind", conf, here], check=True)
        laid.append(here)
    yield allow
    for path in laid:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.mark.parametrize("options, may", [
    ({"ro": True}, False),
    ({"default_permissions": True}, None),
    ({"default_permissions": True, "ro": True}, True),
    ({"allow_root": True}, False),
    ({"allow_root": True, "ro": True}, True),
])
def test_it_begins_where_the_kernel_keeps_writers_out(mirror, serve, anyone, letting_in, options, may):
    may = not anyone.is_root if may is None else may
    if "allow_root" in options and not anyone.is_root:
        letting_in()
    mount = mirror(serve(messages=numbered(3)), **options)
    whole(mount, 3)
    mount.read("m0001")
    assert said(mount).endswith("without open") == may


def test_octets_sizes_and_views_are_as_with_open(dovecot, mirror, verb):
    account = dovecot.account()
    for octets in shapes.all_shapes(100).values():
        account.deliver(octets)
    plain = mirror(account)
    whole(plain, account.count())
    sums, sizes = plain.sums(), plain.sizes()
    views = {view: plain.call(below, plain.path / ".pop3fs" / view) for view in ("headers", "maildir/cur")}
    plain.umount()
    mount = mirror(account, cache=plain.cache, **BINDING)
    assert (mount.sums(), mount.sizes()) == (sums, sizes)
    assert said(mount).endswith("without open")
    for view, octets in views.items():
        assert mount.call(below, mount.path / ".pop3fs" / view) == octets
    mount.umount()
    lf = mirror(account, cache=plain.cache, eol="lf", **BINDING)
    read = lf.call(below, lf.path)
    assert said(lf).endswith("without open")
    assert {name: len(octets) for name, octets in read.items()} == lf.sizes()
    assert sorted(map(digest, read.values())) == sorted(
        digest(octets.replace(b"\r\n", b"\n")) for octets in account.retr().values())


def below(path):
    return {entry.name: open(entry.path, "rb").read() for entry in os.scandir(path)}


def test_the_files_of_pop3fs_work(closed, verb):
    _, mount = closed(numbered(5))
    text = mount.run("cat", mount.path / ".pop3fs/status").ok().out
    assert "messages: 5\n" in text
    size = int(mount.run("stat", "-c", "%s", mount.path / ".pop3fs/status").ok().out)
    assert size > 100
    assert sorted(mount.call(os.listdir, mount.path / ".pop3fs")) == ["deleted", "headers", "maildir", "status"]
    assert verb(mount, "status").ok().out
    assert verb(mount, "verify").code == 0


def test_messages_are_removed_taken_back_and_committed(mirror, serve, person, mounts, verb):
    server = serve(messages=numbered(6))
    mount = mounts.mount(server, person, prefetch="all", default_permissions=True, **ROOMY)
    whole(mount, 6)
    mount.read("m0000")
    assert said(mount).endswith("without open")

    def play():
        with open(mount.path / "m0001", "rb") as file:
            os.unlink(mount.path / "m0001")
            assert "m0001" not in os.listdir(mount.path)
            assert (mount.path / ".pop3fs/deleted/m0001").read_bytes() == letter("1", SIZE)
            os.rename(mount.path / ".pop3fs/deleted/m0001", mount.path / "m0001")
            assert "m0001" in os.listdir(mount.path)
            os.unlink(mount.path / "m0001")
            return file.read()

    assert mount.call(play) == letter("1", SIZE)
    verb(mount, "commit").ok()
    assert mount.names() == ["m0000", "m0002", "m0003", "m0004", "m0005"]
    mount.call(lambda: os.unlink(mount.path / "m0002"))
    assert mount.umount() == 0
    assert sorted(server.messages()) == ["m0000", "m0003", "m0004", "m0005"]
    again = mounts.mount(server, person, prefetch="all", default_permissions=True, cache=mount.cache, **ROOMY)
    assert len(again.sums()) == 4
    assert server.sent("RETR") == 6


def test_mail_that_comes_is_shown_whole(closed, verb):
    server, mount = closed(numbered(3))
    server.rules("on RETR list-add -100", "on LIST list-add -100")
    for number in range(10, 20):
        server.deliver(f"n{number}", letter(str(number), 40 * number))
    verb(mount, "refresh").ok()
    whole(mount, 13)
    read = mount.call(below, mount.path)
    assert read == server.messages()
    assert mount.sizes() == {name: len(octets) for name, octets in read.items()}


def test_what_vanishes_while_it_is_open_is_read_to_its_end(closed, verb, root):
    server, mount = closed(numbered(30, 300000), keep_vanished=0)
    want = server.messages()
    for path in server.directory.iterdir():
        path.unlink()
    server.deliver("last", letter("last"))
    refresh = [str(word) for word in (program("pop3fs", root), "refresh", mount.path)]

    def play():
        files = {name: open(mount.path / name, "rb") for name in os.listdir(mount.path)}
        read = {name: file.read(1000) for name, file in files.items()}
        assert subprocess.run(refresh).returncode == 0
        while os.listdir(mount.path) != ["last"]:
            time.sleep(0.01)
        return {name: octets + files[name].read() for name, octets in read.items()}

    assert mount.call(play) == want


@pytest.mark.parametrize("messages", [lambda: numbered(200), shapes.widening], ids=["small", "large"])
def test_two_readers_race_and_the_kernel_forgets(closed, anyone, messages):
    server, mount = closed(messages())
    want = {name: digest(octets) for name, octets in server.messages().items()}

    def read():
        return {name: digest((mount.path / name).read_bytes()) for name in os.listdir(mount.path)} == want

    def race():
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return all(pool.map(lambda _: read(), range(12)))

    if os.geteuid() == 0:
        drop_caches()
    assert mount.call(race)
    assert said(mount).endswith("without open")


def test_rsync_has_nothing_to_do_twice(closed):
    _, mount = closed(numbered(20))
    copy = mount.person.directory("copy")
    mount.run("rsync", "-a", f"{mount.path}/", copy).ok()
    again = mount.run("rsync", "-ai", f"{mount.path}/", copy).ok()
    assert again.out == ""
    assert mount.run("diff", "-r", mount.path, copy).ok().out == ""
    assert mount.run("find", mount.path, "-type", "f", "-size", "+0").ok().out.count("\n") == 20


def test_nobody_writes(closed):
    _, mount = closed(numbered(2))
    for words in (["truncate", "-s", "0"], ["tee"], ["chmod", "600"], ["touch"]):
        assert mount.run(*words, mount.path / "m0000").code != 0, words
    assert mount.read("m0000") == letter("0", SIZE)


def test_the_whole_cache_stays_when_the_maildrop_outgrows_it(closed, verb):
    messages = numbered(4)
    size = sum(map(len, messages.values()))
    server, mount = closed(messages, cache_size=size + 100)
    server.deliver("n", letter("n", 3 * SIZE))
    verb(mount, "refresh").ok()
    whole(mount, 5)
    server.stop()
    assert mount.call(below, mount.path) == server.messages()


def test_damage_is_an_error_and_mended(closed):
    server, mount = closed(numbered(5, 3 * SIZE))
    mount_read = {name: mount.read(name) for name in ("m0000", "m0004")}
    database = next(path for path in mount.cache.rglob("*") if path.is_file() and path.read_bytes()[:6] == b"SQLite")
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM chunk WHERE key >> 24 = (SELECT id FROM message WHERE uidl = CAST('m0002' AS BLOB))")
    db.close()

    def read():
        try:
            return (mount.path / "m0002").read_bytes()
        except OSError as error:
            assert error.errno == errno.EIO
            return None

    seen = {mount.call(read)}
    eventually(lambda: seen.add(mount.call(read)) or None not in [mount.call(read)], "the message again")
    assert seen <= {None, server.messages()["m0002"]}
    assert mount.read("m0002") == server.messages()["m0002"]
    assert mount.call(below, mount.path) == server.messages()
    assert mount_read["m0004"] == server.messages()["m0004"]


def test_damage_of_a_large_one_is_found_by_who_reads_it_however_much_of_it_was_pushed(closed):
    server, mount = closed(shapes.widening())
    want = {name: digest(octets) for name, octets in server.messages().items()}
    database = next(path for path in mount.cache.rglob("*.db") if path.is_file())
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM chunk WHERE key = ((SELECT id FROM message WHERE uidl = CAST('m0030' AS BLOB)) << 24) + 50")
    db.close()

    def read(name):
        try:
            return digest((mount.path / name).read_bytes())
        except OSError as error:
            assert error.errno == errno.EIO
            return None

    def in_order():
        return {name: read(name) for name in sorted(want)}

    first = mount.call(in_order)
    assert first["m0030"] in (None, want["m0030"])
    assert {**first, "m0030": want["m0030"]} == want
    eventually(lambda: mount.call(in_order) == want, "the message again")


def test_killed_and_mounted_again_it_is_whole(closed, mirror):
    server, mount = closed(numbered(20))
    mount.kill9()
    again = mirror(server, cache=mount.cache, **BINDING)
    assert again.call(below, again.path) == server.messages()
    assert said(again).endswith("without open")
    assert server.sent("RETR") == 20
