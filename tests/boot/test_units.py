"""pop3fs@.service of the system and of a user, autofs, and what a sleep does."""

import json

from eventually import eventually


def show(machine, unit, *properties, user=None):
    """What `systemctl show` says of a unit: {property: value}."""
    words = ["--user"] if user else []
    out = machine.run("systemctl", *words, "show", *(f"-p{p}" for p in properties), unit, user=user or "root").ok().out
    return dict(line.split("=", 1) for line in out.splitlines())


def test_the_units_are_sound(machine):
    machine.boot()
    for place, words in (("system", []), ("user", ["--user"])):
        done = machine.run("systemd-analyze", *words, "verify", "--man=no", f"/usr/lib/systemd/{place}/pop3fs@.service",
                           env={"XDG_RUNTIME_DIR": "/run"})
        assert done.code == 0 and "pop3fs" not in done.err, done.err
    done = machine.run("systemd-analyze", "security", "--json=short", "pop3fs@work.service").ok()
    held = {row["name"] for row in json.loads(done.out) if row["set"]}
    assert {"MemoryDenyWriteExecute=", "LockPersonality=", "RestrictRealtime=", "RestrictSUIDSGID="} <= held


def test_a_service_beside_a_mount_of_a_user(machine, box):
    """His was the first, so that umount(8)'s table is his group's."""
    mail, home = box("office"), box("home")
    machine.write("/etc/pop3fs.conf", mail.section())
    machine.write("/etc/fstab", home.line("/home/me/mail", "noauto,user,_netdev", user="me"))
    machine.boot()
    machine.run("mkdir", "/home/me/mail", user="me").ok()
    machine.run("mount", "/home/me/mail", user="me").ok()
    machine.run("systemctl", "start", "pop3fs@office").ok()
    assert not [text for priority, text in machine.said() if priority < 5], machine.said()
    machine.run("rm", "/run/pop3fs/office/one").ok()
    machine.run("umount", "/run/pop3fs/office").ok()   # which waits, as the table has it
    assert mail.left() == ["two"]


def test_a_service_of_the_system(machine, box):
    mail = box("office")
    machine.write("/etc/pop3fs.conf", mail.section())
    machine.boot()
    machine.run("systemctl", "enable", "--now", "pop3fs@office").ok()
    assert machine.mounts("/run/pop3fs/office")[0]["source"] == "office"
    assert machine.names("/run/pop3fs/office") == ["one", "two"]
    seen = show(machine, "pop3fs@office", "ActiveState", "Type", "StatusText", "TimeoutStopUSec")
    assert seen == {"ActiveState": "active", "Type": "notify", "StatusText": "mounted", "TimeoutStopUSec": "1min 30s"}
    assert machine.run("stat", "-c", "%a %U", "/var/cache/pop3fs").ok().out == "700 root\n"
    assert machine.run("find", "/var/cache/pop3fs", "-name", "*.db", "-size", "+0").ok().out
    machine.run("rm", "/run/pop3fs/office/one").ok()
    machine.run("systemctl", "restart", "pop3fs@office").ok()
    assert mail.left() == ["two"] and machine.names("/run/pop3fs/office") == ["two"]
    machine.run("rm", "/run/pop3fs/office/two").ok()
    machine.run("systemctl", "stop", "pop3fs@office").ok()
    assert mail.left() == [] and machine.mounts("/run/pop3fs/office") == []
    assert show(machine, "pop3fs@office", "Result", "ActiveState") == {"Result": "success", "ActiveState": "inactive"}
    assert machine.said() == [(6, "deleted 1 message on the server")] * 2
    assert not machine.sh("ls -d /run/pop3fs/office").out, "an empty directory would be an empty mailbox"


def test_what_was_killed_comes_again(machine, box):
    mail = box("office")
    machine.write("/etc/pop3fs.conf", mail.section())
    machine.write("/etc/systemd/system/pop3fs@.service.d/soon.conf", "[Service]\nRestartSec=100ms\n")
    machine.boot()
    machine.run("systemctl", "start", "pop3fs@office").ok()
    machine.run("rm", "/run/pop3fs/office/one").ok()
    machine.run("systemctl", "kill", "--signal=KILL", "pop3fs@office").ok()
    assert not machine.run("ls", "/run/pop3fs/office").out, "never as if there were no mail"
    eventually(lambda: machine.run("ls", "/run/pop3fs/office").out.split() == ["two"], "the mount, as it was")
    assert machine.names("/run/pop3fs/office/.pop3fs/deleted") == ["one"] and mail.left() == ["one", "two"]
    machine.run("systemctl", "stop", "pop3fs@office").ok()
    assert mail.left() == ["two"]


def test_a_refused_password_is_not_tried_again(machine, box):
    mail = box()
    machine.write("/etc/pop3fs.conf", mail.section())
    machine.write("/etc/systemd/system/pop3fs@.service.d/soon.conf", "[Service]\nRestartSec=100ms\n")
    machine.write("/etc/pop3fs/work.password", "wrong\n", 0o600)
    machine.boot()
    assert machine.run("systemctl", "start", "pop3fs@work").code != 0
    eventually(lambda: show(machine, "pop3fs@work", "ActiveState")["ActiveState"] == "failed", "the end of it")
    assert show(machine, "pop3fs@work", "NRestarts")["NRestarts"] == "0"
    assert mail.server.sent("PASS") + mail.server.sent("AUTH") == 1
    said = [(priority, text) for priority, text in machine.said() if "refused" in text]
    assert len(said) == 1 and said[0][0] == 3, machine.said()


def test_without_its_server_it_tries_again(machine, box):
    mail = box()
    machine.write("/etc/pop3fs.conf", mail.section())
    machine.write("/etc/systemd/system/pop3fs@.service.d/soon.conf", "[Service]\nRestartSec=100ms\n[Unit]\nStartLimitIntervalSec=0\n")
    mail.server.down()
    machine.boot()
    assert machine.run("systemctl", "start", "pop3fs@work").code != 0
    assert any(priority == 3 and "connection refused" in text for priority, text in machine.said()), machine.said()
    mail.server.up()
    eventually(lambda: machine.run("ls", "/run/pop3fs/work").out.split() == ["one", "two"], "the mount")


def test_a_service_of_a_user(machine, box):
    mail = box("firm")
    machine.write("/home/me/.config/pop3fs/config",
                  mail.section("password_file = ~/.config/pop3fs/password"), 0o600, owner=1000)
    machine.write("/var/lib/systemd/linger/me", "")
    machine.boot()
    eventually(lambda: machine.run("systemctl", "--user", "is-system-running", "--wait", user="me").out.strip() == "running",
               "the user's systemd")
    machine.run("systemctl", "--user", "enable", "--now", "pop3fs@firm", user="me").ok()
    assert machine.mounts("/home/me/pop3fs/firm")[0]["source"] == "firm"
    assert machine.names("/home/me/pop3fs/firm", user="me") == ["one", "two"]
    assert show(machine, "pop3fs@firm", "StatusText", user="me") == {"StatusText": "mounted"}
    machine.run("rm", "/home/me/pop3fs/firm/one", user="me").ok()
    machine.run("systemctl", "--user", "stop", "pop3fs@firm", user="me").ok()
    assert mail.left() == ["two"] and machine.mounts("/home/me/pop3fs/firm") == []


def test_the_map_of_autofs(machine, box):
    mail = box("office")
    machine.write("/etc/pop3fs.conf", mail.section("password_file = /etc/pop3fs/office.password"))
    machine.write("/etc/auto.master.d/pop3fs.autofs", "/mail  /etc/auto.pop3fs  --timeout=1\n")
    shipped = machine.example("autofs/auto.pop3fs")
    assert "\n#office  " in shipped and "/mail  /etc/auto.pop3fs" in shipped
    machine.write("/etc/auto.pop3fs", shipped.replace("\n#office  ", "\noffice  "))
    machine.boot()
    assert machine.run("ls", "/mail/office", user="me").ok().out.split() == ["one", "two"]
    machine.run("rm", "/mail/office/one", user="me").ok()
    eventually(lambda: machine.mounts("/mail/office") == [], "the end of an idle mount", 60)
    eventually(lambda: mail.left() == ["two"], "the deletion")
    assert machine.run("ls", "/mail/office", user="me").ok().out.split() == ["two"]
    machine.run("systemctl", "stop", "autofs").ok()


def test_after_a_sleep_all_mounts_list_again(machine, box):
    work, home = box("work"), box("home")
    machine.write("/etc/pop3fs.conf", work.section("refresh = 1d"))
    machine.write("/etc/fstab", home.line("/home/me/mail", "noauto,user,_netdev,refresh=1d", user="me"))
    machine.boot()
    machine.run("mkdir", "/home/me/mail", user="me").ok()
    machine.run("mount", "/home/me/mail", user="me").ok()
    machine.run("systemctl", "start", "pop3fs@work").ok()
    for mail in (work, home):
        mail.server.deliver("three", b"Subject: three\r\n\r\n3\r\n")
    hook = "/usr/lib/systemd/system-sleep/pop3fs"
    machine.run(hook, "pre", "suspend").ok()
    assert machine.names("/run/pop3fs/work") == ["one", "two"]
    machine.run(hook, "post", "suspend").ok()
    assert machine.names("/run/pop3fs/work") == ["one", "three", "two"]
    assert machine.names("/home/me/mail", user="me") == ["one", "three", "two"]
