"""The machines of these tests know nothing of each other, as many as run at once."""

PROCESSES = "find /sys/fs/cgroup -path '*/system.slice/same.service/cgroup.procs' -exec cat {} +"


def test_units_of_one_name_in_two_machines_are_two(machines):
    first, second = machines(), machines()
    for machine in (first, second):
        machine.boot()
        machine.run("systemd-run", "--unit=same", "sleep", "1000").ok()
    for machine in (first, second):
        main = machine.run("systemctl", "show", "--value", "-p", "MainPID", "same").ok().out.strip()
        assert set(machine.sh(PROCESSES).ok().out.split()) == {main}   # another machine's would be 0
