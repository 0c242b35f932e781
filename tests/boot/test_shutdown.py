"""Whatever way a maildrop was mounted: when the machine is shut down, what was removed is deleted on the server."""

from eventually import eventually

WAYS = ("fstab", "demand", "service", "user", "hand", "session", "autofs")


def test_a_shutdown_deletes_what_was_removed(machine, box):
    mail = {way: box(way) for way in WAYS}
    machine.write("/etc/fstab", mail["fstab"].line("/srv/fstab", "_netdev,nofail")
                  + mail["demand"].line("/srv/demand", "noauto,_netdev,x-systemd.automount"))
    machine.write("/etc/pop3fs.conf", mail["service"].section()
                  + mail["autofs"].section("password_file = /etc/pop3fs/autofs.password"))
    machine.write("/home/me/.config/pop3fs/config",
                  mail["user"].section("password_file = ~/.config/pop3fs/password"), 0o600, owner=1000)
    machine.write("/etc/auto.master.d/pop3fs.autofs", "/mail  /etc/auto.pop3fs\n")
    machine.write("/etc/auto.pop3fs", "autofs  -fstype=pop3fs  :autofs\n")
    machine.write("/var/lib/systemd/linger/me", "")
    machine.boot()
    machine.run("systemctl", "start", "pop3fs@service").ok()
    eventually(lambda: not machine.run("systemctl", "--user", "start", "pop3fs@user", user="me").code, "the user's service")
    machine.run("mkdir", "/srv/hand").ok()
    machine.run("mount", "-t", "pop3fs", mail["hand"].source, "/srv/hand", "-o", mail["hand"].options()).ok()
    machine.run("mkdir", "/home/me/mail", user="me").ok()
    machine.run("runuser", "-l", "me", "-c",
                f"pop3fs -o {mail['session'].options('me')} {mail['session'].source} mail").ok()
    places = {"fstab": "/srv/fstab", "demand": "/srv/demand", "service": "/run/pop3fs/service", "hand": "/srv/hand",
              "user": "/home/me/pop3fs/user", "session": "/home/me/mail", "autofs": "/mail/autofs"}
    for way in WAYS:
        user = "me" if places[way].startswith("/home") else "root"
        assert machine.names(places[way], user=user) == ["one", "two"], way
        machine.run("rm", f"{places[way]}/one", user=user).ok()
    assert all(m.left() == ["one", "two"] for m in mail.values()), "no deletion before the end"
    machine.poweroff()
    left = {way: m.left() for way, m in mail.items()}
    assert left == {way: ["two"] for way in WAYS}, machine.console()[-4000:]
    troubles = [line for line in machine.console().splitlines() if "FAILED" in line and "var-log-journal" not in line]
    assert not troubles, troubles
