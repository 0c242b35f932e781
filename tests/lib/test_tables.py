"""Tables of documents that name tests, and tests that are named after modules: each of them is there."""

import re
from pathlib import Path

import variants
from hostile import ROWS

TOP = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([a-z0-9_]+): ([^`]+)`")
EXAMPLES = {"test", "row"}

# Modules without a unit test of their name, and where they are tested instead. None of base, net and mail.
TESTED_ELSEWHERE = {
    "pop3/gnu": "unit: sasl, whose inside it is, in builds with GNU SASL",
    "fs/dir": "unit: directories",
    "fs/events": "unit: deleting, first, snapshots, verbs: what other threads say to a mount",
    "fs/file": "unit: refused, ended; tests/mount/test_octets.py",
    "fs/ops": "a table; unit: refused has what is missing in it",
    "fs/refresh": "unit: first, verbs",
    "fs/telling": "tests/mount/test_events.py",
    "fs/xattrs": "tests/mount/test_attributes.py",
    "app/asking": "tests/mount/test_verbs.py",
    "app/commands": "tests/session/test_command.py, tests/mount/test_verbs.py",
    "app/verify": "tests/mount/test_verify.py",
    "app/events": "tests/mount/test_events.py",
    "app/fetch": "tests/mount/test_fetch.py",
    "app/mounts": "tests/mount/test_verbs.py",
    "app/plans": "one assignment an option; tests/session asks for each of them",
    "app/terminal": "unit: credentials",
    "app/threads": "tests/session/test_starting.py",
    "app/umount": "tests/mount/test_umount.py",
}


def known(where):
    if where == "hostile":
        return {row.name for row in ROWS}
    if where.startswith("test_"):
        return {name for path in (TOP / "tests").glob(f"*/{where}.py")
                for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}
    path = TOP / "tests/unit" / f"{where}.c"
    return set(re.findall(r"^static void (\w+)\(void \*\*state\)", path.read_text(), re.M)) if path.exists() else set()


def test_every_test_is_there_that_shows_what_is_done_about_pop3():
    text = (TOP / "src/pop3/README.md").read_text()
    named = [(where, name) for where, name in NAMED.findall(text) if name not in EXAMPLES]
    assert len(named) > 100
    assert [f"{where}: {name}" for where, name in named if name not in known(where)] == []


def test_every_module_has_a_unit_test_of_its_name():
    modules = {f"{path.parent.name}/{path.stem}" for path in (TOP / "src").glob("*/*.c")}
    tested = {path.stem for path in (TOP / "tests/unit").glob("*.c")}
    built = set(re.findall(r"^  \[\w+, '(\w+)'", (TOP / "tests/unit/meson.build").read_text(), re.M))
    without = {module for module in modules if module.partition("/")[2] not in tested & built}
    assert without - set(TESTED_ELSEWHERE) == set()
    assert set(TESTED_ELSEWHERE) <= modules
    assert {path.stem for path in (TOP / "tests/unit").glob("*.c") if "int main(void)" in path.read_text()} == built
    assert {module.partition("/")[0] for module in without} - {"fs", "app"} <= {"pop3"}


def test_the_manual_way_to_build_names_all_packages():
    line = re.search(r"^    sudo apt install (.*)", (TOP / "README.md").read_text(), re.M)[1]
    needed = re.search(r'^packages_build="(.*)"', (TOP / "contrib/packages.sh").read_text(), re.M)[1]
    assert set(line.split()) == {"fuse3", *needed.split()}


def test_every_fuzz_target_is_built_and_has_a_corpus():
    fuzz = TOP / "tests/fuzz"
    targets = {path.stem for path in fuzz.glob("*.c")} - {"plain"}
    assert set(re.findall(r"^  \[\w+, '(\w+)'", (fuzz / "meson.build").read_text(), re.M)) == targets
    assert {path.name for path in (fuzz / "corpus").iterdir() if any(path.iterdir())} == targets
    assert {path.name for path in fuzz.glob("crashes/*")} <= targets


def test_what_is_left_out_under_an_option_is_there():
    assert {words.partition("=")[0] for words in variants.VARIANTS} == set(variants.LEFT_OUT)
    for option, files in variants.LEFT_OUT.items():
        for file, tests in files.items():
            named = set(re.findall(r"^def (test_\w+)", (TOP / "tests" / file).read_text(), re.M))
            assert {test.partition("[")[0] for test in tests} - {""} <= named, (option, file)


def test_the_rows_of_hostile_servers_have_names_of_their_own():
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)) >= 60
    assert [row.name for row in ROWS if not row.why] == []
