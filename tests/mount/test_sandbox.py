"""What the daemon has given up (src/app/sandbox.h), seen from outside, and that what it must still do later it can.
What it cannot do any more is tried by the unit test `sandbox`; all other suites run in it, too."""

import base64
import os
import shutil
from pathlib import Path

import pytest

from eventually import eventually

MAIL = b"Subject: one\r\n\r\nThe body.\r\n"
CAP_DAC_READ_SEARCH = 1 << 2


def threads(pid):
    """/proc/PID/status of each thread, as {key: value}."""
    for path in Path(f"/proc/{pid}/task").glob("*/status"):
        yield dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)


def needs(mount, part):
    said = mount.status()["sandbox"]
    if part not in said:
        pytest.skip(f"the sandbox of this system or build is: {said}")


def test_every_thread_is_in_it(account, anyone, mounts):
    account.deliver(MAIL)
    mount = mounts.mount(account, anyone)
    needs(mount, "seccomp")
    assert len(mount.sums()) == 1
    for thread in threads(mount.pid):
        assert thread["NoNewPrivs"].strip() == "1"
        assert thread["Seccomp"].strip() == "2"
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(thread[kind], 16) & ~CAP_DAC_READ_SEARCH == 0
    assert mount.umount() == 0


def test_it_cannot_be_looked_into(account, ordinary_person, mounts):
    mount = mounts.mount(account, ordinary_person)
    for name in ("mem", "environ", "maps"):   # another process of the same user
        with pytest.raises(PermissionError):
            mount.call(lambda: Path(f"/proc/{mount.pid}/{name}").read_bytes())
    assert mount.umount() == 0


def test_off_is_off(account, anyone, mounts):
    account.deliver(MAIL)
    mount = mounts.mount(account, anyone, sandbox="off")
    assert mount.status()["sandbox"] == "off"
    assert {thread["Seccomp"].strip() for thread in threads(mount.pid)} <= {str(own_filters())}
    assert len(mount.sums()) == 1
    assert mount.umount() == 0


def own_filters():
    return next(threads(os.getpid()))["Seccomp"].strip()


@pytest.mark.parametrize("way", ["-f", "background"])
def test_a_name_is_looked_up_for_each_line(account, person, mounts, way):
    account.deliver(MAIL)
    source = account.source().replace("127.0.0.1", "localhost")
    assert "localhost" in source
    options = {"source": source, "idle": 0, "refresh": 0}
    mount = mounts.foreground(account, person, **options) if way == "-f" else mounts.mount(account, person, **options)
    for count in (2, 3):
        account.deliver(MAIL)
        eventually(lambda: len(mount.names()) == count, "the new message")
    assert len(mount.sums()) == 3
    assert mount.terminate() == 0


def test_a_name_that_nobody_knows_is_said(account, person, mounts):
    source = account.source().replace("127.0.0.1", "pop.invalid").replace("localhost", "pop.invalid")
    mount, done = mounts.attempt(account, person, source=source)
    assert done.code != 0 and not mount.is_mounted()
    assert "cannot find the server pop.invalid" in done.err


def test_authorities_are_found_through_links(account, person, mounts, root):
    """A directory as update-ca-certificates(8) makes it: hashes lead to names, and those elsewhere."""
    account.deliver(MAIL)
    certs, elsewhere = person.directory("certs"), person.directory("elsewhere")
    shutil.copy(account.ca, elsewhere / "ca.crt")
    (elsewhere / "ca.crt").chmod(0o644)
    person.own(elsewhere / "ca.crt")
    (certs / "ca.pem").symlink_to(elsewhere / "ca.crt")
    person.run("openssl", "rehash", certs).ok()
    mount = mounts.mount(account, person, ca=certs, idle=0, refresh=0)
    account.deliver(MAIL)
    eventually(lambda: len(mount.names()) == 2, "the new message")
    assert len(mount.sums()) == 2
    assert mount.umount() == 0


CHARSETS = {"iso-2022-jp": "打合せ", "koi8-r": "С новым годом", "gb18030": "会议记录", "iso-8859-8": "חצר", "euc-kr": "안녕"}


def test_charsets_are_loaded_when_they_come(account, person, mounts):
    for charset, subject in CHARSETS.items():
        word = base64.b64encode(subject.encode(charset)).decode()
        account.deliver(f"Subject: =?{charset}?B?{word}?=\r\n\r\n".encode())
    mount = mounts.mount(account, person)
    found = {mount.call(os.getxattr, mount.path / name, "user.mail.subject").decode() for name in mount.names()}
    assert found == set(CHARSETS.values())
    assert mount.umount() == 0


def test_there_is_no_other_place_to_write(account, person, mounts):
    """Large messages that have no room in memory are in files; the daemon asks for those outside its cache."""
    account.deliver(MAIL + b"x" * 70 + b"\r\n")
    mount = mounts.mount(account, person, nocache=True, memory="1M")
    assert len(mount.sums()) == 1
    needs(mount, "landlock")
    opened = {os.readlink(link) for link in Path(f"/proc/{mount.pid}/fd").iterdir()} if os.geteuid() == 0 else set()
    for path in opened - {f"/proc/{mount.pid}/mountinfo"}:   # what is mounted is looked up again and again
        assert not path.startswith("/") or path.startswith((str(mount.cache), "/dev/")), path
    assert mount.umount() == 0
