"""Messages in other forms: with LF line ends, with a suffix, as a Maildir."""

import email
import mailbox
import os

import pytest

import shapes
from letters import header, letters
from mounting import digest
from test_octets import READERS

BIG = 2_000_000
DATE = "Tue, 02 Jan 2024 10:00:00 +0000"


def crlf(octets):
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def message(name, body=b"body\r\n"):
    return header(name, DATE, subject=name, received=DATE) + body


MAIL = {name: message(name) for name in ("a", "a.eml", "b")}
FILES = {f"{name}.x": octets for name, octets in MAIL.items()}    # the server's UIDL is the file's name to its last dot


def lf(octets):
    return octets.replace(b"\r\n", b"\n")


@pytest.fixture(scope="module")
def odd(dovecot):
    """An account with all shapes, and what RETR sends of each: {uidl: octets}."""
    account = dovecot.account()
    messages = shapes.odd()
    messages["attachment"] = shapes.header("attachment") + shapes.base64_lines(BIG)
    for octets in messages.values():
        account.deliver(octets)
    return account, account.retr()


# ---- line ends ----

def open_and_stat(path):
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        return size, file.read()


@pytest.mark.parametrize("reader", READERS, ids=lambda r: r.__name__)
def test_with_lf_every_reader_gets_every_octet_at_once(odd, person, mounts, reader):
    account, sent = odd
    mount = mounts.mount(account, person, eol="lf")
    for _ in range(2):
        copy = person.directory("copy")
        reader(mount, copy)
        assert mount.call(lambda: {p.name: digest(p.read_bytes()) for p in copy.iterdir()}) == \
               {name: digest(lf(octets)) for name, octets in sent.items()}
        assert mount.sizes() == {name: len(lf(octets)) for name, octets in sent.items()}
        mount.run("rm", "-rf", copy).ok()
    assert mount.umount() == 0


def test_with_lf_any_piece_can_be_read(odd, person, mounts):
    account, sent = odd
    mount = mounts.mount(account, person, eol="lf")
    name = max(sent, key=lambda name: len(sent[name]))
    want = lf(sent[name])

    def piece(at, size):
        with (mount.path / name).open("rb") as file:
            return os.pread(file.fileno(), size, at)

    end = len(want)
    for at, size in [(end - 100, 200), (1_000_001, 10), (0, 1), (131_070, 5), (131_072, 131_074), (end, 1)]:
        assert mount.call(piece, at, size) == want[at:at + size]
    assert mount.umount() == 0


def test_line_ends_may_change_from_mount_to_mount(odd, person, mounts):
    account, sent = odd
    first = mounts.mount(account, person)
    numbers = first.call(lambda: {e.name: e.inode() for e in os.scandir(first.path)})
    first.sums()
    assert first.umount() == 0
    fetched = account.retrs()
    second = mounts.mount(account, person, cache=first.cache, eol="lf")
    assert second.sizes() == {name: len(lf(octets)) for name, octets in sent.items()}
    assert second.sums() == {name: digest(lf(octets)) for name, octets in sent.items()}
    assert second.call(lambda: {e.name: e.inode() for e in os.scandir(second.path)}) == numbers
    assert account.retrs() == fetched
    assert second.umount() == 0


def test_the_size_is_true_at_the_first_open_of_a_deleted_one_too(person, mounts, serve):
    server = serve(messages=FILES)
    mount = mounts.mount(server, person, eol="lf", prefetch=0)
    mount.call(os.unlink, mount.path / "b")
    assert mount.call(open_and_stat, mount.path / ".pop3fs/deleted/b") == (len(lf(MAIL["b"])), lf(MAIL["b"]))
    assert mount.call(open_and_stat, mount.path / ".pop3fs/headers/a")[1] + b"body\r\n" == MAIL["a"]
    assert mount.umount() == 0


# ---- suffix ----

def test_a_suffix_stands_behind_all_names_and_collides_with_none(anyone, mounts, serve):
    server = serve(messages=FILES)
    mount = mounts.mount(server, anyone, suffix=".eml")
    assert mount.names() == ["a.eml", "a.eml.eml", "b.eml"]
    assert mount.read("a.eml") == MAIL["a"] and mount.read("a.eml.eml") == MAIL["a.eml"]
    for missing in ("a", "b", ".eml", "b.eml.eml", "b.EML"):
        assert not mount.call(os.path.exists, mount.path / missing)
    assert sorted(mount.call(os.listdir, mount.path / ".pop3fs/headers")) == ["a.eml", "a.eml.eml", "b.eml"]
    mount.call(os.unlink, mount.path / "a.eml")
    assert mount.names() == ["a.eml.eml", "b.eml"]
    assert mount.call(os.listdir, mount.path / ".pop3fs/deleted") == ["a.eml"]
    mount.run("mv", mount.path / ".pop3fs/deleted/a.eml", mount.path).ok()
    assert mount.names() == ["a.eml", "a.eml.eml", "b.eml"]
    mount.call(os.unlink, mount.path / "b.eml")
    mount.run(mount.argv[0], "undelete", mount.path, "b.eml").ok()
    mount.run(mount.argv[0], "fetch", mount.path, "b.eml").ok()
    assert get_state(mount, "b.eml") == b"cached"
    mount.call(os.unlink, mount.path / "a.eml.eml")
    mount.run(mount.argv[0], "commit", mount.path).ok()
    assert mount.names() == ["a.eml", "b.eml"]
    assert sorted(server.messages()) == ["a.x", "b.x"]
    assert mount.umount() == 0


def get_state(mount, name):
    return mount.call(os.getxattr, mount.path / name, "user.pop3fs.state")


def names_file(person, names):
    return person.file("uidls", "".join(f"{name}\n" for name in names).encode())


def test_numbers_stay_when_the_suffix_changes(person, mounts, serve):
    server = serve(messages=FILES)
    seen, cache = [], {}
    for suffix in (None, ".eml", " (mail)", None):
        mount = mounts.mount(server, person, suffix=suffix, **cache)
        cache = {"cache": mount.cache}
        seen.append(mount.call(lambda: [e.inode() for e in os.scandir(mount.path)]))
        assert all(name.endswith(suffix or "") for name in mount.names())
        assert mount.umount() == 0
    assert seen.count(seen[0]) == len(seen)


def test_the_longest_names_have_room_for_the_longest_suffix(person, mounts, serve):
    server = serve("--uidl-file", names_file(person, ["x" * 300, "y" * 219]), messages={"a": MAIL["a"], "b": MAIL["b"]})
    mount = mounts.mount(server, person, suffix="." + "s" * 31)
    longest = max(mount.names(), key=len)
    assert len(longest) == 219 + 32
    assert sorted(len(mount.read(name)) for name in mount.names()) == sorted(len(MAIL[name]) for name in "ab")
    assert mount.umount() == 0


def test_a_message_that_vanishes_takes_its_suffix_along(person, mounts, serve):
    server = serve(messages=FILES)
    mount = mounts.mount(server, person, suffix=".eml")
    mount.call(os.stat, mount.path / "b.eml")
    (server.directory / "b.x").unlink()
    mount.run(mount.argv[0], "refresh", mount.path).ok()
    with pytest.raises(FileNotFoundError):
        mount.call(os.stat, mount.path / "b.eml")
    assert mount.umount() == 0


@pytest.mark.parametrize("suffix", ["a/b", "x" * 33, ""])
def test_a_suffix_that_is_none_is_refused(person, mounts, serve, suffix):
    server = serve(messages=FILES)
    _, done = mounts.attempt(server, person, suffix=suffix)
    assert done.code == 1 and "suffix" in done.err


# ---- Maildir ----

SENDERLESS = ("shape-empty", "shape-no-padding", "no-fields", "no-header", "twice")     # no mail for notmuch
LETTERS = {letter.name: letter.octets + b"the body of %s\r\n" % letter.name.encode() for letter in letters()
           if not letter.differs and letter.name not in SENDERLESS and len(letter.octets) < 10000}


def maildir(mount, *below):
    return mount.path.joinpath(".pop3fs/maildir", *below)


def test_the_maildir_holds_all_messages_as_files_of_unix(anyone, mounts, serve):
    server = serve(messages=LETTERS)
    mount = mounts.mount(server, anyone, suffix=".eml")
    assert sorted(mount.call(os.listdir, maildir(mount))) == ["cur", "new", "tmp"]
    assert mount.call(os.listdir, maildir(mount, "new")) == mount.call(os.listdir, maildir(mount, "tmp")) == []
    names = mount.call(os.listdir, maildir(mount, "cur"))
    assert sorted(names) == sorted(f"{name}:2,S" for name in LETTERS)
    for name in names[:20]:
        want = lf(LETTERS[name.removesuffix(":2,S")])
        assert mount.call(open_and_stat, maildir(mount, "cur", name)) == (len(want), want)
    read = mount.call(lambda: {key: m.get_payload() for key, m in mailbox.Maildir(maildir(mount)).items()})
    assert read == {name: email.message_from_bytes(lf(octets)).get_payload() for name, octets in LETTERS.items()}
    assert mount.umount() == 0


def test_nothing_in_the_maildir_can_be_changed(person, mounts, serve):
    server = serve(messages=FILES)
    mount = mounts.mount(server, person)
    cur = maildir(mount, "cur")
    for attempt in [lambda: os.unlink(cur / "a:2,S"), lambda: os.rename(cur / "a:2,S", cur / "a:2,FS"),
                    lambda: os.rename(cur / "a:2,S", maildir(mount, "new", "a")), lambda: (cur / "x").write_bytes(b"x"),
                    lambda: os.mkdir(maildir(mount, ".folder")), lambda: os.rmdir(maildir(mount, "new"))]:
        with pytest.raises(PermissionError):
            mount.call(attempt)
    mount.call(os.unlink, mount.path / "a")
    assert sorted(mount.call(os.listdir, cur)) == ["a.eml:2,S", "b:2,S"]
    assert mount.umount() == 0
    assert sorted(server.messages()) == ["a.eml.x", "b.x"]


def reader(mount, program, script):
    """A shell script as the mount's owner, with $MAIL the Maildir and $HOME a new directory; what it printed."""
    if mount.run("sh", "-c", f"command -v {program}").code != 0:
        pytest.skip(f"no {program} here")
    home = mount.person.directory("home")
    return mount.run("env", f"HOME={home}", f"XDG_CACHE_HOME={home}/cache", f"XDG_CONFIG_HOME={home}/config",
                     f"MAIL={maildir(mount)}", "LC_ALL=C.UTF-8", "TERM=xterm", "sh", "-ec", script,
                     deadline=120).ok().out


@pytest.fixture
def mail_mount(person, mounts, serve):
    server = serve(messages=LETTERS)
    mount = mounts.mount(server, person)
    yield mount
    assert mount.umount() == 0
    assert len(server.messages()) == len(LETTERS)


SUBJECTS = ("打ち合わせの件", "Grüße aus Köln: schöne Überraschung", "С новым годом!")


def test_mblaze_reads_the_maildir(mail_mount):
    out = reader(mail_mount, "mscan", 'mlist "$MAIL" >"$HOME/list"; mscan -f "%f %s" <"$HOME/list"')
    assert len(out.splitlines()) == len(LETTERS)
    assert all(subject in out for subject in SUBJECTS)


def test_mu_indexes_the_maildir(mail_mount):
    out = reader(mail_mount, "mu", '''
        mu init --maildir="$MAIL" >/dev/null
        mu index >/dev/null 2>&1
        mu find --fields s ""''')
    assert len(out.splitlines()) == len(LETTERS)
    assert all(subject in out for subject in SUBJECTS)


def test_notmuch_indexes_the_maildir(mail_mount):
    out = reader(mail_mount, "notmuch", '''
        mkdir "$HOME/db"
        printf '%s\\n' '[database]' "path=$HOME/db" "mail_root=$MAIL" '[maildir]' 'synchronize_flags=false' \\
            >"$HOME/.notmuch-config"
        notmuch new >/dev/null 2>&1
        notmuch count --output=files '*'
        notmuch search --output=summary --limit=1000 '*' ''')
    assert int(out.split()[0]) == len(LETTERS)
    assert all(subject in out for subject in SUBJECTS)


@pytest.mark.parametrize("program", ["mutt", "neomutt"])
def test_mutt_opens_the_maildir(mail_mount, program):
    out = reader(mail_mount, program, f'''
        mkdir "$HOME/Mail"
        echo 'set quit=yes charset="utf-8" mark_old=no wait_key=no sort=mailbox-order' >"$HOME/muttrc"
        echo 'set status_format="holds %m messages"' >>"$HOME/muttrc"
        echo 'push "<first-entry><pipe-message>cat >$HOME/first<enter><exit>"' >>"$HOME/muttrc"
        timeout 60 script -qec '{program} -n -R -F "$HOME/muttrc" -f "$MAIL"' /dev/null </dev/null
        cat "$HOME/first"''')
    assert f"holds {len(LETTERS)} messages" in out
    assert "\nthe body of " in out


def test_nothing_walks_into_it(person, mounts, serve):
    server = serve(messages=FILES)
    mount = mounts.mount(server, person, prefetch=0)
    copy = person.directory("copy")
    for command in (["ls", "-aR"], ["ls", "-A"], ["find"], ["du", "-a"]):
        assert "pop3fs/" not in mount.run(*command, mount.path).ok().out.replace(str(mount.path), "")
    mount.run("rsync", "-a", f"{mount.path}/", copy).ok()
    assert sorted(mount.call(os.listdir, copy)) == sorted(MAIL)
    assert mount.run("grep", "-rlE", "^Subject: (a|b)", mount.path).ok().out.count("\n") == 3
    mount.run("sh", "-c", 'rm -rf "$0"/*', mount.path).ok()
    assert mount.names() == []
    assert sorted(mount.call(os.listdir, mount.path / ".pop3fs")) == ["deleted", "headers", "maildir", "status"]
    assert mount.umount() == 0
