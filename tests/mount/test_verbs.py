"""The verbs, asked of real mounts: what they do, who may ask, who waits, and what a signal ends."""

import json
import os
import pty
import signal

import pytest

import shapes
from eventually import eventually
from filled import filled, names_of, remove
from popserver import capabilities
from programs import program

COUNT = 6
FOREVER = 600   # seconds: no time-out ends a wait in these tests
IN_IOCTL = "16 "   # in /proc/PID/syscall, on x86-64


@pytest.fixture
def pop3fs(root):
    return program("pop3fs", root)


@pytest.fixture
def verb(pop3fs):
    """verb(mount, "commit", ...): runs it as the mount's owner and returns how it ended."""
    def run(mount, word, *more, **options):
        return mount.run(pop3fs, word, mount.path, *more, **options)
    return run


@pytest.fixture
def box(dovecot):
    return filled(dovecot, COUNT)


def failed(done, words):
    """One line on stderr, with these words, and nothing else."""
    assert done.code == 1, done
    assert len(done.err.splitlines()) == 1 and words in done.err, done.err
    assert done.err.startswith("pop3fs: ")
    return True


# ---- what they do ----

def test_commit_deletes_now_and_the_mount_goes_on(box, anyone, mounts, verb):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, names[0], names[3])
    assert names_of(box) == names
    done = verb(mount, "commit").ok()
    assert done.out == "deleted 2 messages on the server\n"
    assert names_of(box) == names[1:3] + names[4:]
    assert mount.names() == names_of(box)
    assert mount.status()["pending deletions"] == "0"
    assert verb(mount, "commit").ok().out == ""
    remove(mount, names[1])
    assert mount.umount() == 0
    assert names_of(box) == names[2:3] + names[4:]


def test_commit_of_what_another_client_has_deleted(person, mounts, serve, verb):
    server = serve(messages={f"m{number}": shapes.header(str(number)) for number in range(3)})
    mount = mounts.mount(server, person)
    remove(mount, "m0")
    server.unplug()
    eventually(lambda: mount.status()["state"] != "ready", "the line's end")
    (server.directory / "m0").unlink()
    assert verb(mount, "commit").ok().out == ""
    assert server.sent("DELE") == 0
    server.deliver("m3", shapes.header("3"))
    verb(mount, "refresh").ok()   # the line is still of use
    assert mount.names() == ["m1", "m2", "m3"]


def test_undelete_takes_one_back_or_all(box, anyone, mounts, verb):
    names = names_of(box)
    mount = mounts.mount(box, anyone)
    remove(mount, *names[:4])
    assert mount.names() == names[4:]
    assert verb(mount, "undelete", names[1]).ok().out == "took back 1 deletion\n"
    assert mount.names() == names[1:2] + names[4:]
    done = verb(mount, "undelete", names[0], "nobody", names[4])
    assert done.code == 1 and done.out == "took back 1 deletion\n"
    assert len(done.err.splitlines()) == 2 and "nobody" in done.err and names[4] in done.err
    assert verb(mount, "undelete").ok().out == "took back 2 deletions\n"
    assert verb(mount, "undelete").ok().out == ""
    assert mount.names() == names
    mount.kill9()   # it was on disk
    later = mounts.mount(box, anyone, cache=mount.cache)
    assert later.names() == names
    assert later.umount() == 0
    assert names_of(box) == names
    assert box.sent("DELE") == 0


def test_refresh_shows_what_was_delivered_before_it(box, anyone, mounts, verb):
    mount = mounts.mount(box, anyone, refresh=1000)
    for number in range(10, 15):
        new = box.deliver(shapes.ordinary(number))
        verb(mount, "refresh").ok()
        assert new in mount.names()


def test_status_is_the_file_aligned(box, anyone, mounts, verb):
    mount = mounts.mount(box, anyone)
    told = dict(line.split(":", 1) for line in verb(mount, "status").ok().out.splitlines())
    assert {key: value.strip() for key, value in told.items()}.keys() == mount.status().keys()
    assert told["messages"].strip() == str(COUNT)
    assert told["pid"].strip() == str(mount.pid)
    assert len({len(line) - len(line.split(":", 1)[1].lstrip()) for line in
                verb(mount, "status").out.splitlines()}) == 1


def test_status_can_be_copied(box, anyone, mounts):
    mount = mounts.mount(box, anyone)
    anyone.run("cp", mount.path / ".pop3fs/status", anyone.home / "copy").ok()
    assert "messages: " in anyone.call((anyone.home / "copy").read_text)


def test_status_as_an_object_has_numbers(box, anyone, mounts, verb, pop3fs):
    mount = mounts.mount(box, anyone)
    remove(mount, names_of(box)[0])
    said = mount.status()
    told = json.loads(anyone.run(pop3fs, "status", "--json", mount.path).ok().out)
    assert told.keys() == {key.replace(" ", "_") for key in said}
    assert (told["messages"], told["pending_deletions"], told["pid"]) == (COUNT - 1, 1, mount.pid)
    assert told["bytes"] == int(said["bytes"]) and told["last_error"] is None
    assert told["user"] == said["user"]


def on_terminal(person, *argv, **env):
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    process = person.start(*argv, stdout=theirs, stderr=theirs, env={"TERM": "xterm", "NO_COLOR": "", **env})
    os.close(theirs)
    text = b""
    try:
        while piece := os.read(ours, 4096):
            text += piece
    except OSError:   # EIO: nobody has the terminal open any more
        pass
    os.close(ours)
    assert process.wait(60) == 0, text
    return text.decode()


def test_colours_are_for_a_terminal(box, anyone, mounts, pop3fs):
    mount = mounts.mount(box, anyone)
    remove(mount, names_of(box)[0])
    for words, plain in (("status", mount.path), "pending deletions: 1\r\n"), (("list",), ", 1 deletion waits"):
        assert "\033[33m1" in on_terminal(anyone, pop3fs, *words)
        for env in {"NO_COLOR": "1"}, {"TERM": "dumb"}:
            text = on_terminal(anyone, pop3fs, *words, **env)
            assert "\033" not in text and plain in text
        assert "\033" not in anyone.run(pop3fs, *words, env={"TERM": "xterm"}).ok().out


def test_list_as_objects(box, ordinary_person, mounts, pop3fs):
    mount = mounts.mount(box, ordinary_person)
    remove(mount, names_of(box)[0])

    def told():
        lines = ordinary_person.run(pop3fs, "list", "--json").ok().out.splitlines()
        return next(one for one in map(json.loads, lines) if one["mountpoint"] == str(mount.path))

    one = told()
    assert one["source"] == mount.source and one["messages"] == COUNT - 1 and one["pending_deletions"] == 1
    pid, mount.pid = mount.pid, None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: told().get("error") == "dead", "the end of the daemon")
    assert told().keys() == {"source", "mountpoint", "error"}


def test_list_shows_this_users_mounts(dovecot, box, ordinary_person, root_person, mounts, pop3fs):
    mine = mounts.mount(box, ordinary_person)
    other = dovecot.account()
    roots = mounts.mount(other, root_person) if os.geteuid() == 0 else None
    remove(mine, names_of(box)[0])
    line = f"{mine.source} on {mine.path}: {COUNT - 1} messages, 1 deletion waits"
    told = ordinary_person.run(pop3fs, "list").ok().out.splitlines()
    assert line in told
    assert not roots or not any(str(roots.path) in t for t in told)
    if roots:
        told = root_person.run(pop3fs, "list").ok().out.splitlines()
        assert line in told and f"{roots.source} on {roots.path}: 0 messages" in told


def test_root_may_ask_a_users_mount(box, ordinary_person, root_person, mounts, pop3fs):
    if os.geteuid() != 0:
        pytest.skip("we are not root")
    names = names_of(box)
    mount = mounts.mount(box, ordinary_person)
    remove(mount, names[0], names[1])
    root_person.run(pop3fs, "undelete", mount.path, names[0]).ok()
    root_person.run(pop3fs, "commit", mount.path).ok()
    assert mount.names() == names[:1] + names[2:] == names_of(box)
    assert "state:" in root_person.run(pop3fs, "status", mount.path).ok().out


def test_a_stranger_may_not(box, ordinary_person, root_person, mounts, pop3fs):
    if os.geteuid() != 0:
        pytest.skip("we are not root")
    mount = mounts.mount(box, root_person)
    os.chmod(root_person.home, 0o711)
    for word in ("status", "commit", "refresh", "undelete"):
        assert failed(ordinary_person.run(pop3fs, word, mount.path), "belongs to user 0")


# ---- which mount ----

def test_any_path_to_the_mount_will_do(box, anyone, mounts, pop3fs):
    mount = mounts.mount(box, anyone)
    link = anyone.directory("links") / "link"
    os.symlink(mount.path, link)
    for path, cwd in [(link, "/"), (mount.path.name, mount.path.parent), (".", mount.path),
                      (f"{mount.path}/", "/"), (f"{mount.path}/.", "/"),
                      (f"../{mount.path.name}", mount.path)]:
        done = anyone.run("sh", "-c", 'cd "$1" && exec "$2" status "$3"', "sh", cwd, pop3fs, path)
        assert f"pid:               {mount.pid}" in done.ok().out.splitlines(), path


def test_what_is_no_mount_is_said_in_one_sentence(box, anyone, mounts, pop3fs):
    mount = mounts.mount(box, anyone)
    name = names_of(box)[0]
    for word in ("status", "commit", "refresh", "undelete", "umount"):
        assert failed(anyone.run(pop3fs, word, "/"), "/ is not a pop3fs mount")
        assert failed(anyone.run(pop3fs, word, anyone.home / "none"), "No such file")
        assert failed(anyone.run(pop3fs, word, mount.path / ".pop3fs"), f"inside the mount on {mount.path}")
        assert failed(anyone.run(pop3fs, word, mount.path / name), f"inside the mount on {mount.path}")
        assert failed(anyone.run(pop3fs, word), f"it is pop3fs {word}")
    assert failed(anyone.run(pop3fs, "list", mount.path), "it is pop3fs list [--json]")
    assert failed(anyone.run(pop3fs, "status", "--jso", mount.path, mount.path), "it is pop3fs status [--json] MOUNTPOINT")
    assert failed(anyone.run(pop3fs, "status", "--xml", mount.path), "it is pop3fs status [--json] MOUNTPOINT")
    assert failed(anyone.run(pop3fs, "commit", mount.path, "x"), "it is pop3fs commit")
    assert mount.is_mounted()


def test_two_mounts_are_two(dovecot, box, person, mounts, verb):
    other = dovecot.account(pop3_uidl_format="%f")
    for number in range(3):
        other.deliver(shapes.ordinary(number))
    first, second = mounts.mount(box, person), mounts.mount(other, person)
    names, others = names_of(box), names_of(other)
    remove(first, names[0])
    remove(second, others[0])
    verb(second, "commit").ok()
    assert names_of(box) == names and names_of(other) == others[1:]
    assert first.status()["pending deletions"] == "1"


def test_a_dead_mount_is_said_to_be_dead(box, anyone, mounts, verb, pop3fs):
    mount = mounts.mount(box, anyone)
    pid, mount.pid = mount.pid, None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: f"{mount.path}: dead" in anyone.run(pop3fs, "list").ok().out, "the end of the daemon")
    assert failed(verb(mount, "commit"), "is dead")


# ---- a server that will not ----

def refusing(serve, *rules, count=5, options=()):
    return serve(*options, synthetic=f"{count}:1000", rules=rules)


def test_commit_says_why_it_failed(anyone, mounts, serve, verb):
    server = refusing(serve, 'on QUIT err "no, the disk is full"')
    mount = mounts.mount(server, anyone)
    remove(mount, "m0000001", "m0000003")
    assert failed(verb(mount, "commit"), "2 deletions wait in the journal")
    assert "the disk is full" in verb(mount, "commit").err
    server.rules()
    verb(mount, "commit").ok()
    assert mount.names() == ["m0000000", "m0000002", "m0000004"]


def test_ok_to_quit_and_still_listed_is_not_deleted(person, mounts, serve, verb):
    server = refusing(serve, "on DELE no-delete")
    mount = mounts.mount(server, person)
    remove(mount, "m0000001")
    assert failed(verb(mount, "commit"), "1 deletion waits in the journal: m0000001 is still listed")


def test_a_server_that_wants_patience_is_not_asked_again_at_once(person, mounts, serve, verb):
    server = refusing(serve, options=capabilities("LOGIN-DELAY 300"))
    mount = mounts.mount(server, person)
    remove(mount, "m0000001")
    assert "the next listing shows whether they are gone" in verb(mount, "commit").ok().out
    assert server.sent("UIDL") == 1


@pytest.mark.parametrize("rule", ['on DELE err "not this one"', "on DELE no-delete"])
def test_what_was_refused_three_times_is_shown_again(person, mounts, serve, verb, rule):
    server = refusing(serve, rule)
    mount = mounts.foreground(server, person)
    remove(mount, "m0000001")
    for _ in range(2):
        assert failed(verb(mount, "commit"), "1 deletion waits in the journal")
        assert "m0000001" not in mount.names()
    assert failed(verb(mount, "commit"), "1 deletion was given up, the message is shown again")
    eventually(lambda: "m0000001" in mount.names(), "the message")
    eventually(lambda: "m0000001 is shown again" in mount.said(), "a warning")
    assert verb(mount, "commit").ok().out == ""
    assert mount.said().count("m0000001 is shown again") == 1


def test_one_dele_refused_is_that_one_alone(person, mounts, serve, verb):
    server = refusing(serve, 'on DELE 2 err "not this one"')
    mount = mounts.mount(server, person)
    remove(mount, "m0000001", "m0000002")
    done = verb(mount, "commit")
    assert done.code == 1 and done.out == "deleted 1 message on the server\n"
    assert "1 deletion waits" in done.err and "not this one" in done.err


def test_refresh_says_why_it_failed_and_tries_again_when_asked(anyone, mounts, serve, verb):
    server = refusing(serve)
    mount = mounts.mount(server, anyone, refresh=1000, idle=0)
    server.wait_for("close")
    server.rules('on AUTH err "[AUTH] changed"')
    assert failed(verb(mount, "refresh"), "login")
    server.rules()
    verb(mount, "refresh").ok()


def test_a_read_only_mount_commits_nothing(box, person, mounts, verb):
    names = names_of(box)
    first = mounts.mount(box, person)
    remove(first, names[0])
    first.kill9()
    mount = mounts.mount(box, person, cache=first.cache, ro=True)
    assert failed(verb(mount, "commit"), "read-only")
    assert names_of(box) == names


# ---- who waits ----

def stalled(mounts, serve, person, rule="on QUIT stall 1"):
    """A mount with a commit that no answer ends, but the line's loss; and its server."""
    server = refusing(serve)
    mount = mounts.mount(server, person, timeout=FOREVER, commit_timeout=FOREVER, retry=FOREVER)
    remove(mount, "m0000001")
    server.rules(rule)
    return mount, server


def start(mount, pop3fs, word, *more):
    process = mount.person.start(pop3fs, word, mount.path, *more)
    eventually(lambda: waits(process.pid), f"{word} waits")
    return process


def waits(pid):
    """Its child, which asks, is in the ioctl."""
    children = open(f"/proc/{pid}/task/{pid}/children", encoding="ascii").read().split()
    return any(open(f"/proc/{child}/syscall", encoding="ascii").read().startswith(IN_IOCTL) for child in children)


def test_several_wait_for_one_commit(anyone, mounts, serve, pop3fs):
    mount, server = stalled(mounts, serve, anyone)
    waiting = [start(mount, pop3fs, "commit") for _ in range(5)]
    server.wait_for("> QUIT")
    assert len(mount.names()) == 4   # all else goes on
    assert [process.poll() for process in waiting] == [None] * 5
    logins = server.sent("UIDL")
    server.rules()
    server.unplug()
    codes = {process.wait(60) for process in waiting}
    assert codes == {1}   # QUIT had no answer
    assert server.sent("UIDL") <= logins + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_ends_the_wait_and_not_the_commit(anyone, mounts, serve, pop3fs, number):
    mount, server = stalled(mounts, serve, anyone, "on DELE delay 2000")
    one, two = start(mount, pop3fs, "commit"), start(mount, pop3fs, "commit")
    child = int(open(f"/proc/{one.pid}/task/{one.pid}/children", encoding="ascii").read())
    os.kill(one.pid, number)
    assert one.wait(60) == -number
    eventually(lambda: not os.path.exists(f"/proc/{child}") or "Z" in
               open(f"/proc/{child}/stat", encoding="ascii").read().split(")")[1][:3], "the end of its child")
    assert two.wait(60) == 0
    assert server.sent("DELE") == 1


def test_refreshes_that_wait_for_one_login_are_one(anyone, mounts, serve, pop3fs):
    server = refusing(serve)
    mount = mounts.mount(server, anyone, refresh=1000, idle=0, timeout=FOREVER)
    server.wait_for("close")
    server.rules("on GREETING delay 3000")
    logins = server.sent("UIDL")
    waiting = [start(mount, pop3fs, "refresh") for _ in range(5)]
    assert [process.wait(60) for process in waiting] == [0] * 5
    assert server.sent("UIDL") == logins + 1


def test_what_was_removed_during_a_commit_is_in_the_next(person, mounts, serve, pop3fs, verb):
    mount, server = stalled(mounts, serve, person, "on DELE times=1 delay 2000")
    first = start(mount, pop3fs, "commit")
    server.wait_for("> DELE")
    remove(mount, "m0000003")
    verb(mount, "commit").ok()
    assert first.wait(60) == 0
    assert mount.status()["pending deletions"] == "0"
    assert server.sent("DELE") == 2


def test_sigterm_while_somebody_waits(anyone, mounts, serve, pop3fs):
    mount, server = stalled(mounts, serve, anyone, "on DELE delay 1000")
    process = start(mount, pop3fs, "commit")
    server.wait_for("> DELE")
    assert mount.terminate() == 0
    assert process.wait(60) == 0
