"""fstab(5), read by systemd: mounts at the boot, on demand, by hand, and by an ordinary user."""

from eventually import eventually

ALWAYS = {"nosuid", "nodev", "noexec"}


def test_a_line_is_mounted_at_the_boot_and_is_a_unit(machine, box):
    mail = box()
    machine.write("/etc/fstab", mail.line("/srv/mail", "_netdev,nofail"))
    machine.boot()
    assert machine.run("systemctl", "is-active", "srv-mail.mount").out.strip() == "active"
    assert machine.mounts("/srv/mail")[0]["source"] == mail.source
    assert set(machine.mounts("/srv/mail")[0]["options"].split(",")) >= ALWAYS
    assert machine.names("/srv/mail") == ["one", "two"]
    after = machine.run("systemctl", "show", "-P", "After", "srv-mail.mount").out.split()
    assert {"network-online.target", "remote-fs-pre.target"} <= set(after), "a network's file system"
    machine.run("rm", "/srv/mail/one").ok()
    machine.run("systemctl", "stop", "srv-mail.mount").ok()
    assert machine.mounts("/srv/mail") == []
    assert mail.left() == ["two"]
    machine.run("systemctl", "start", "srv-mail.mount").ok()
    assert machine.names("/srv/mail") == ["two"]


def test_a_machine_boots_without_its_server(machine, box):
    mail = box()
    mail.server.stop()
    machine.write("/etc/fstab", mail.line("/srv/mail", "_netdev,nofail"))
    machine.boot()
    assert machine.run("systemctl", "is-active", "multi-user.target").out.strip() == "active"
    assert machine.run("systemctl", "is-failed", "srv-mail.mount").out.strip() == "failed"
    assert machine.mounts("/srv/mail") == []
    said = [(priority, text) for priority, _, text in machine.journal() if "connection refused" in text]
    assert len(said) == 1 and said[0][0] == 3, machine.journal("-u", "srv-mail.mount")


def test_an_automount_mounts_when_looked_at_and_lets_go_when_idle(machine, box):
    mail = box()
    machine.write("/etc/fstab", mail.line("/srv/mail", "noauto,_netdev,x-systemd.automount,x-systemd.idle-timeout=1"))
    machine.boot()
    assert machine.run("systemctl", "is-active", "srv-mail.automount").out.strip() == "active"
    assert machine.mounts("/srv/mail") == []
    assert machine.names("/srv/mail") == ["one", "two"]
    machine.run("rm", "/srv/mail/two").ok()
    eventually(lambda: machine.mounts("/srv/mail") == [], "the end of an idle mount")
    assert mail.left() == ["one"]
    assert machine.names("/srv/mail") == ["one"]
    machine.run("systemctl", "stop", "srv-mail.automount").ok()


def test_mounting_all_by_hand_mounts_once(machine, box):
    mail, home = box("work"), box("home")
    machine.boot()
    machine.run("mkdir", "/srv/mail", "/srv/home").ok()
    machine.write("/etc/fstab", mail.line("/srv/mail", "_netdev") + home.line("/srv/home", "_netdev"))
    machine.run("systemctl", "daemon-reload").ok()
    verified = machine.run("findmnt", "--verify").ok()
    assert "0 parse errors, 0 errors" in verified.err, verified.err
    for _ in range(2):
        machine.run("mount", "-a").ok()
    assert len(machine.mounts("/srv/mail")) == len(machine.mounts("/srv/home")) == 1
    df = machine.run("df", "--output=source,iused", "/srv/mail").ok().out.splitlines()[1].split()
    assert df == [mail.source, "2"]
    machine.run("rm", "/srv/mail/one", "/srv/home/two").ok()
    machine.run("umount", "/srv/mail", "/srv/home").ok()
    assert mail.left() == ["two"] and home.left() == ["one"]


def test_an_ordinary_user_mounts_his_line(machine, box):
    mail = box()
    machine.write("/etc/fstab", mail.line("/home/me/mail", "noauto,user,_netdev", user="me"))
    machine.boot()
    machine.run("mkdir", "/home/me/mail", user="me").ok()
    machine.run("mount", "/home/me/mail", user="me").ok()
    options = set(machine.mounts("/home/me/mail")[0]["options"].split(","))
    assert options >= ALWAYS | {"user_id=1000"}
    assert machine.names("/home/me/mail", user="me") == ["one", "two"]
    machine.run("rm", "/home/me/mail/one", user="me").ok()
    machine.run("umount", "/home/me/mail", user="me").ok()
    assert machine.mounts("/home/me/mail") == [] and mail.left() == ["two"]
