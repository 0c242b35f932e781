"""The scripts of contrib and of tests/boot, from wherever they are called; and contrib/packages.sh, on a machine whose
apt-get only says what it was asked for."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from eventually import PATIENCE, eventually
from programs import TOP

SCRIPTS = [path for path in sorted([*(TOP / "contrib").iterdir(), *(TOP / "tests/boot").iterdir()])
           if path.is_file() and "# usage: " in path.read_text() and path.name not in ("hardened",)]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(TOP)))
@pytest.mark.parametrize("where", [TOP, TOP / "src", None], ids=["top", "src", "beside"])
def test_help_is_shown_wherever_one_is(script, where, tmp_path):
    """Also with CDPATH, where `cd contrib/..` looks first, and says where it went."""
    where = where or script.parent
    name = os.path.relpath(script, where)
    (tmp_path / script.parent.relative_to(TOP)).mkdir(parents=True)
    done = subprocess.run([name if "/" in name else f"./{name}", "--help"], cwd=where, capture_output=True, text=True,
                          env={**os.environ, "CDPATH": str(tmp_path)}, check=True)
    assert f"usage: {script.relative_to(TOP)}" in done.stdout and "set -" not in done.stdout
    assert not done.stderr


class Machine:
    """`installed` are its packages. What is done as root is in `log`; a dpkg-query, an apt-get and a systemctl that
    do nothing stand first in $PATH."""

    def __init__(self, directory, installed=(), apt=""):
        self.log, self.policy, self.tmp = directory / "log", directory / "policy-rc.d", directory / "tmp"
        self.tmp.mkdir()
        self.log.touch()
        programs = directory / "bin"
        programs.mkdir()
        cases = "".join(f"*\\ {name}) echo installed ;;\n" for name in installed)
        for name, script in (("dpkg-query", f'case " $*" in\n{cases}esac'),
                             ("apt-get", f'echo "apt-get $*" >>{self.log}\n{apt}'),
                             ("systemctl", f'echo "systemctl $*" >>{self.log}')):
            (programs / name).write_text(f"#!/bin/sh\n{script}\n")
            (programs / name).chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(self.tmp)}

    def start(self, *packages):
        script = ('. contrib/packages.sh; as_root() { "$@"; }; packages_policy=$1; packages_systemd=/; shift; '
                  'packages_install "$@"')
        return subprocess.Popen(["bash", "-c", script, "bash", self.policy, *packages], cwd=TOP, env=self.environment,
                                start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def install(self, *packages):
        process = self.start(*packages)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def left(self):
        return [path.name for path in (*self.tmp.iterdir(), *self.policy.parent.glob("policy*"))]


def test_what_is_missing_is_installed_and_no_service_starts_for_it(tmp_path):
    machine = Machine(tmp_path, installed=["gcc"])
    assert machine.install("gcc", "scdoc") == (0, "installing scdoc \n", "")
    assert [line.split()[-1] for line in machine.log.read_text().splitlines()] == ["update", "scdoc"]
    assert not machine.left()


def test_nothing_is_done_where_nothing_is_missing(tmp_path):
    machine = Machine(tmp_path, installed=["gcc", "scdoc"])
    assert machine.install("gcc", "scdoc") == (0, "", "")
    assert machine.log.read_text() == ""


def test_services_are_forbidden_meanwhile(tmp_path):
    machine = Machine(tmp_path, apt=f"cat {tmp_path}/policy-rc.d >>{tmp_path}/seen; test -x {tmp_path}/policy-rc.d")
    assert machine.install("scdoc")[0] == 0
    assert "exit 101" in (tmp_path / "seen").read_text()
    assert not machine.left()


def test_a_policy_that_is_there_stays(tmp_path):
    machine = Machine(tmp_path)
    machine.policy.write_text("mine")
    assert machine.install("scdoc")[0] == 0
    assert machine.policy.read_text() == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_interrupted_leaves_no_policy(tmp_path, number):
    machine = Machine(tmp_path, apt="exec sleep 300")
    process = machine.start("scdoc")
    eventually(machine.log.read_text, "apt-get")
    assert machine.policy.exists()
    os.killpg(process.pid, number)   # as a terminal does
    process.communicate(timeout=PATIENCE)
    eventually(lambda: not machine.left(), "the end of the policy")


def test_sources_that_cannot_be_had_need_not_matter(tmp_path):
    machine = Machine(tmp_path, apt='[ "$2" != update ] || { echo "E: gone" && exit 100; }')
    assert machine.install("scdoc")[0] == 0


def test_what_apt_says_is_shown_when_it_fails(tmp_path):
    machine = Machine(tmp_path, apt='echo "E: no such thing as $2"; exit 100')
    code, _, err = machine.install("scdoc")
    assert code == 1 and "E: no such thing as -y" in err
    assert not machine.left()


@pytest.mark.parametrize("installed, stops", [((), True), (("dovecot-core",), False)], ids=["ours", "theirs"])
def test_a_server_that_was_here_before_goes_on(tmp_path, installed, stops):
    machine = Machine(tmp_path, installed=installed)
    assert machine.install("dovecot-core", "dovecot-pop3d")[0] == 0
    assert ("systemctl -q disable --now dovecot" in machine.log.read_text()) == stops


# ---- contrib/check ----

@pytest.fixture
def tree(tmp_path):
    """A tree of its own, without tests, in a directory with a blank in its name. Its `ninja` fails for the builds of
    "points" where `broken` is there, and else is at them until it is ended."""
    top = tmp_path / "a tree"
    for path in ("contrib/check", "contrib/packages.sh", "tests/lib/tally.py"):
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes((TOP / path).read_bytes())
        (top / path).chmod(0o755)
    for part in ("mount", "crash", "model"):
        (top / "tests" / part).mkdir()
        (top / "tests" / part / "test_it.py").write_text("def test_it(): pass\n")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "bin").mkdir()
    for name, script in (("meson", 'mkdir -p "$2"; touch "$2/build.ninja"'), (
            "ninja", f'case $2 in *points*)\n[ ! -e "{top}/broken" ] || {{ echo "error: broken"; exit 1; }}\n'
                     f'echo $$ >"{top}/pid.new"; mv "{top}/pid.new" "{top}/pid"; exec sleep 300\nesac')):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    return top


def start_check(tree, *parts):
    environment = {**os.environ, "PATH": f"{tree.parent}/bin:{os.environ['PATH']}", "TMPDIR": str(tree.parent / "tmp")}
    environment.pop("BUILD", None)
    return subprocess.Popen([tree / "contrib/check", "--no-install", *parts], cwd=tree.parent, env=environment,
                            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("parts, passed", [(["mount", "crash"], 1), (["crash"], 0)], ids=["built ahead", "alone"])
def test_a_build_that_fails_counts_once_and_nothing_is_tested_with_it(tree, parts, passed):
    (tree / "broken").touch()
    said, _ = start_check(tree, *parts).communicate(timeout=60)
    assert said.count("FAILED: build points") == 1
    assert said.splitlines()[-1].startswith(f"{passed} passed, 1 failed"), said


def runs(pid):
    """What nobody has waited for yet has no command line any more."""
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes() != b""
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_interrupted_leaves_no_build_behind(tree, number):
    process = start_check(tree, "mount", "crash")
    builder = int(eventually(lambda: (tree / "pid").exists() and (tree / "pid").read_text(), "what builds ahead"))
    os.killpg(process.pid, number)   # as a terminal does
    process.communicate(timeout=60)
    eventually(lambda: not runs(builder), "its end")
    assert not list((tree.parent / "tmp").iterdir())
