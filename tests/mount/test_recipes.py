"""contrib/examples, each run as it stands."""

import os
import shutil

import pytest

from programs import TOP, program

EXAMPLES = TOP / "contrib/examples"
MAIL = {f"m{year}-{n}": f"Received: from a by b; Tue, 3 Feb {year} 10:20:3{n} +0000\r\nFrom: me@example.org\r\n"
        f"Subject: number {n} of {year}\r\n\r\n{'an invoice' if n == 2 else 'nothing'}\r\n".encode()
        for year in (2024, 2025) for n in (1, 2, 3)}


@pytest.fixture
def box(serve):
    return serve(messages=MAIL)


@pytest.fixture(scope="module")
def examples(root):
    """A copy that an ordinary user can read, whatever directory the tree is in."""
    return shutil.copytree(EXAMPLES, root / "examples")


@pytest.fixture
def run(root, examples, ordinary_person):
    """run(name, words...) runs an example; server= is the account that it may mount."""
    def go(name, *words, server=None, person=ordinary_person, **environment):
        environment["PATH"] = f"{program('pop3fs', root).parent}:{os.environ['PATH']}"
        if server:
            secret = person.file("password", server.password.encode() + b"\n")
            environment["POP3FS_OPTIONS"] = \
                f"-opassword_file={secret},ca={server.ca},cache_dir={environment.pop('cache', None) or person.directory('cache')}"
        return person.run(examples / name, *words, env=environment)
    return go


def kept(directory):
    return {p.name: p.read_bytes() for p in directory.iterdir()}


def test_a_nightly_backup(run, box, ordinary_person):
    backup, cache = ordinary_person.directory("backup"), ordinary_person.directory("cache")
    for _ in range(2):
        run("nightly-backup", box.source(), backup, server=box, cache=cache).ok()
        assert kept(backup) == MAIL == box.messages()
    assert box.sent("RETR") == len(MAIL)
    box.deliver("new", b"Subject: new\r\n\r\nx\r\n")
    run("nightly-backup", box.source(), backup, server=box, cache=cache).ok()
    assert set(kept(backup)) == {*MAIL, "new"} and box.sent("RETR") == len(MAIL) + 1


def test_an_archive(run, box, ordinary_person):
    archive = ordinary_person.directory("archive")
    run("archive", box.source(), archive, server=box).ok()
    assert kept(archive) == MAIL and box.messages() == {}


def test_an_archive_keeps_what_it_could_not_have(run, serve, ordinary_person):
    server = serve(messages=MAIL, rules=['on RETR 2 err "no"'])
    archive = ordinary_person.directory("archive")
    done = run("archive", server.source(), archive, server=server)
    assert done.code != 0
    assert server.messages() == MAIL and kept(archive) == {}   # not all is here: nothing is deleted


def test_into_a_maildir(run, box, ordinary_person):
    maildir = ordinary_person.directory("maildir")
    run("to-maildir", box.source(), maildir, server=box).ok()
    assert sorted(kept(maildir / "new").values()) == sorted(m.replace(b"\r\n", b"\n") for m in MAIL.values())
    assert not kept(maildir / "tmp") and not kept(maildir / "cur") and box.messages() == {}


def test_grep_of_a_year(run, box, mounts, ordinary_person):
    mount = mounts.mount(box, ordinary_person, prefetch=0)
    assert run("grep-year", mount.path, "2025", "INVOICE").ok().out.split() == [f"{mount.path}/m2025-2"]
    assert box.sent("RETR") == 3


def test_all_accounts(run, serve, ordinary_person):
    boxes = {"home": serve(messages=MAIL), "work": serve(messages={"one": MAIL["m2024-1"]})}
    config, top = ordinary_person.directory("config"), ordinary_person.directory("mail")
    text = ""
    for name, server in boxes.items():
        secret = ordinary_person.file("password", server.password.encode() + b"\n")
        text += (f"[{name}]\nsource = {server.source()}\npassword_file = {secret}\nca = {server.ca}\n"
                 f"cache_dir = {ordinary_person.directory('cache')}\n")
    (config / "pop3fs").mkdir()
    (config / "pop3fs/config").write_text(text)
    ordinary_person.own(config / "pop3fs", config / "pop3fs/config")
    try:
        for _ in range(2):
            run("all-accounts", top, XDG_CONFIG_HOME=str(config)).ok()
        assert sorted(ordinary_person.run("ls", top / "home").ok().out.split()) == sorted(MAIL)
        assert ordinary_person.run("ls", top / "work").ok().out.split() == ["one"]
    finally:
        for name in boxes:
            ordinary_person.run("fusermount3", "-u", top / name)


def test_indexing_with_notmuch(run, box, mounts, ordinary_person):
    if not shutil.which("notmuch"):
        pytest.skip("notmuch is not installed")
    mount = mounts.mount(box, ordinary_person)
    place = ordinary_person.directory("notmuch")
    run("index-with-notmuch", mount.path, place / "config").ok()
    count = ordinary_person.run("notmuch", f"--config={place / 'config'}", "count", "invoice").ok()
    assert count.out.strip() == "2"


def test_a_dry_run(run, box, mounts, root_person):
    if os.geteuid() != 0:
        pytest.skip("only root can mount an overlay")
    mount = mounts.mount(box, root_person)
    done = run("dry-run", mount.path, "sh", "-c", "rm m2024*; ls | wc -l", person=root_person).ok()
    assert done.out.split("\n")[0] == "3"
    assert done.out.splitlines()[1:] == ["would be deleted:", "m2024-1", "m2024-2", "m2024-3"]
    assert mount.names() == sorted(MAIL) and mount.status()["pending deletions"] == "0"
