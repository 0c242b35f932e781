"""What shells offer behind `pop3fs`: read from --help, so that no verb and no option is forgotten."""

import os
import pty
import re
import select
import shutil
import subprocess

import pytest

from programs import TOP, program

BASH = TOP / "contrib/completion/pop3fs.bash"
FISH = TOP / "contrib/completion/pop3fs.fish"
ZSH = TOP / "contrib/completion"


@pytest.fixture(scope="module")
def path(root):
    """$PATH with pop3fs in it."""
    return f"{program('pop3fs', root).parent}:{os.environ['PATH']}"


@pytest.fixture(scope="module")
def told(path):
    """(verbs, options) of --help; options as "name" or "name=VALUE"."""
    text = subprocess.run(["pop3fs", "--help"], env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    verbs = {v for m in re.findall(r"^ +pop3fs ([a-z|]+)(?: |$)", text, re.M) for v in m.split("|")}
    rows = text.split("Written", 1)[1].splitlines()[1:]
    options = {w for r in rows if re.match("  [a-z]", r)
               for w in (r.split(":")[0].split() if "as in mount(8)" in r else r.split()[:1])}
    options = {w for o in options for w in ([o] if "[" not in o else [o[:o.index("[")], o.replace("[", "")[:-1]])}
    assert {"status", "undelete", "list"} <= verbs and {"ro", "ca=PATH", "nosuid"} <= options
    return verbs, options


def bash(path, line, *, breaks=" \t\n\"'@><=;|&(:", cwd="/", home="/", **environment):
    """What bash offers at the end of this line, with what readline would put before it."""
    script = '. "$1"; COMP_WORDBREAKS=$2; COMP_LINE=$3; COMP_POINT=${#3}; _pop3fs pop3fs; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", BASH, breaks, line], cwd=cwd,
                          env={"PATH": path, "HOME": str(home), **environment}, capture_output=True, text=True, check=True)
    return [w for w in done.stdout.splitlines() if w]


def fish(path, line, root, *, cwd="/"):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    done = subprocess.run(["fish", "--no-config", "-c", f"source {FISH}; complete -C '{line}'"], cwd=cwd,
                          env={"PATH": path, "HOME": str(root)}, capture_output=True, text=True, check=True)
    return [w.split("\t")[0] for w in done.stdout.splitlines()]


def zsh(path, line, root):
    """What zsh makes of the line when tab is pressed behind it."""
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    ours, theirs = pty.openpty()
    setup = f"fpath=({ZSH} $fpath); autoload -Uz compinit; compinit -D -u; unset zle_bracketed_paste; print set-$((1+1))\n"
    process = subprocess.Popen(["zsh", "-f", "-i"], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                               env={"PATH": path, "HOME": str(root), "TERM": "dumb"})
    os.close(theirs)
    try:
        os.write(ours, setup.encode())
        until(ours, lambda text: "set-2" in text)
        # what stands on the line is printed by a command that is put before it
        os.write(ours, line.encode() + b"\t\x01print -r -- '[\x05]'\n")
        return re.findall(r"^\[(.*)\]\r?$", until(ours, lambda text: re.search(r"^\[.*\]\r?$", text, re.M)), re.M)[-1]
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def until(fd, enough):
    text = ""
    while not enough(text):
        assert select.select([fd], [], [], 30)[0], text
        text += os.read(fd, 65536).decode(errors="replace")
    return text


def test_bash_offers_all_verbs(path, told):
    assert set(bash(path, "pop3fs ")) >= told[0]
    assert bash(path, "pop3fs und") == ["undelete"]


def test_bash_offers_all_options(path, told):
    names = {re.sub("=.*", "=", o) for o in told[1]}
    assert set(bash(path, "pop3fs -o ")) == names
    assert set(bash(path, "pop3fs --")) >= {f"--{n}" for n in names}
    assert bash(path, "pop3fs -o ro,idl") == ["ro,idle="]


@pytest.mark.parametrize("breaks, before", [(" \t\n=:@", ""), (" \t\n", "ro,tls=")])
def test_bash_offers_the_words_of_an_option(path, told, breaks, before):
    row = next(o for o in told[1] if o.startswith("tls="))
    assert set(bash(path, "pop3fs -o ro,tls=", breaks=breaks)) == {before + w for w in row[4:].split("|")}


def test_bash_offers_files(path, tmp_path):
    (tmp_path / "secret").write_text("")
    (tmp_path / "mail").mkdir()
    assert bash(path, "pop3fs -o password_file=se", cwd=tmp_path) == ["secret"]
    assert bash(path, "pop3fs me@host ma", cwd=tmp_path) == ["mail"]


def test_bash_offers_the_names_of_this_mount_whatever_CDPATH_says(path, tmp_path):
    for place, name in (("here", "one"), ("elsewhere", "two")):
        (tmp_path / place / "mail/.pop3fs/deleted").mkdir(parents=True)
        (tmp_path / place / "mail" / name).touch()
        (tmp_path / place / "mail/.pop3fs/deleted" / name).touch()
    for verb in ("verify", "undelete"):
        assert "one" in bash(path, f"pop3fs {verb} mail ", cwd=tmp_path / "here", CDPATH=str(tmp_path / "elsewhere"))
        assert bash(path, f"pop3fs {verb} mail o", cwd=tmp_path / "here", CDPATH=str(tmp_path / "elsewhere")) == ["one"]


def test_fish_offers_verbs_and_options(path, told, root, tmp_path):
    assert set(fish(path, "pop3fs ", root)) >= told[0]
    assert set(fish(path, "pop3fs -o ", root)) == {re.sub("=.*", "=", o) for o in told[1]}
    assert fish(path, "pop3fs -o ro,idl", root) == ["ro,idle="]
    assert "ro,tls=off" in fish(path, "pop3fs -o ro,tls=", root)
    (tmp_path / "secret").write_text("")
    assert fish(path, "pop3fs -o password_file=se", root, cwd=tmp_path) == ["password_file=secret"]


@pytest.mark.parametrize("line, whole", [("pop3fs und", "pop3fs undelete"), ("pop3fs -o ro,offl", "pop3fs -o ro,offline"),
                                         ("pop3fs -o tls=impl", "pop3fs -o tls=implicit")])
def test_zsh_completes(path, root, line, whole):
    assert zsh(path, line, root).strip() == whole


@pytest.fixture(scope="module")
def flags(path, told):
    """{verb: its flags} of each VERB --help, which says what each of those in its usage does."""
    found = {}
    for verb in told[0]:
        text = subprocess.run(["pop3fs", verb, "--help"], env={"PATH": path}, capture_output=True, text=True, check=True).stdout
        found[verb] = {w for row in re.findall("^(-[^:]*): .", text, re.M) for w in row.split(", ")}
        usage = re.findall(r"\[(-[^]]*)\]", text.splitlines()[0])
        assert {w for u in usage for w in ([u] if u.startswith("--") else [f"-{c}" for c in u[1:]])} <= found[verb]
    assert found["status"] == {"--json"} and found["verify"] == {"-r", "--refetch"} and found["umount"] == {"-l", "-f", "-v"}
    return found


def test_shells_offer_the_flags_of_a_verb(path, flags, root):
    for verb, its in flags.items():
        assert set(bash(path, f"pop3fs {verb} -")) == its | {"--help"}
        assert set(fish(path, f"pop3fs {verb} -", root)) == its | {"--help"}
    assert bash(path, "pop3fs status --j") == ["--json"]


@pytest.mark.parametrize("line, whole", [("pop3fs status --j", "pop3fs status --json"), ("pop3fs list --j", "pop3fs list --json"),
                                         ("pop3fs verify --r", "pop3fs verify --refetch"), ("pop3fs commit --he", "pop3fs commit --help")])
def test_zsh_completes_flags_of_a_verb(path, root, line, whole):
    assert zsh(path, line, root).strip() == whole


@pytest.fixture
def configured(tmp_path):
    """A home with accounts in its configuration."""
    config = tmp_path / ".config/pop3fs/config"
    config.parent.mkdir(parents=True)
    config.write_text("# [not]\n[*]\ntimeout = 30s\n[zeppelin]\nsource = me@[::1]\n  [zwork]\nsource = you@example.org\n")
    return tmp_path


def test_shells_offer_the_accounts(path, configured):
    assert bash(path, "pop3fs z", home=configured) == ["zeppelin", "zwork"]
    assert "not" not in bash(path, "pop3fs ", home=configured)
    assert set(fish(path, "pop3fs z", configured)) >= {"zeppelin", "zwork"}
    assert zsh(path, "pop3fs zep", configured).strip() == "pop3fs zeppelin"


def test_shells_offer_the_mounts(path, root, serve, mounts, person):
    mount = mounts.mount(serve(messages={"a": b"a: b\r\n\r\nc\r\n", "b": b"a: b\r\n\r\nd\r\n"}), person)
    for words in ("status", "status --json", "verify -r"):
        assert str(mount.path) in bash(path, f"pop3fs {words} ")
        assert str(mount.path) in fish(path, f"pop3fs {words} ", root)
        whole = f"pop3fs {words} {mount.path}"
        assert zsh(path, whole[:-1], root).strip() == whole
    mount.run("rm", mount.path / "a").ok()
    script = person.file("completion", BASH.read_bytes())   # where he can read it
    line = f"pop3fs undelete {mount.path} "
    done = mount.run("bash", "--norc", "-c", f'. {script}; COMP_LINE="{line}"; COMP_POINT={len(line)}; _pop3fs pop3fs; '
                     'printf "%s\\n" "${COMPREPLY[@]}"', env={"PATH": path}).ok()
    assert done.out.split() == ["a"]
