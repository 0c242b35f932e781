"""covered.py reads gcovr's report, and tells what no test runs from what need not be run."""

import json

import pytest

import covered

SOURCE = "int f(int x)\n{\n\tif (x)\n\t\tabort(); /* why */\n\treturn\n\t    x;\n}\n"


@pytest.fixture
def report(tmp_path, monkeypatch):
    """Runs it on one file of six lines, with what was counted of each; gives its exit status and its words."""
    def run(path, counts, exceptions=""):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(SOURCE)
        lines = [{"line_number": number, "count": count} for number, count in counts]
        (tmp_path / "coverage.json").write_text(json.dumps({"files": [{"file": path, "lines": lines}]}))
        (tmp_path / "exceptions").write_text(exceptions)
        monkeypatch.setattr(covered, "TOP", tmp_path)
        return covered.main([str(tmp_path / "coverage.json"), str(tmp_path / "exceptions")])
    return run


ALL_BUT_ABORT = [(number, 1) for number in range(10, 60)] + [(1, 1), (3, 1), (4, 0), (5, 1)]
NO_END = [(number, 1) for number in range(10, 60)] + [(1, 1), (3, 1), (4, 0), (5, 0)]


@pytest.mark.parametrize("path, counts, exceptions, status", [
    ("src/mail/a.c", [(1, 1), (3, 2)], "", 0),
    ("src/app/a.c", ALL_BUT_ABORT, "", 0),
    ("src/app/a.c", [(1, 1), (4, 0)], "", 1),
    ("src/mail/a.c", ALL_BUT_ABORT, "", 1),
    ("src/mail/a.c", ALL_BUT_ABORT, "coverage abort();* src/*.c no memory is left", 0),
    ("src/mail/a.c", ALL_BUT_ABORT, "coverage abort();* src/fs/*.c no memory is left", 1),
    ("src/mail/a.c", ALL_BUT_ABORT, "coverage abort();* src/*/a.c:f in one function", 0),
    ("src/mail/a.c", ALL_BUT_ABORT, "coverage abort();* src/*/a.c:g in another function", 1),
    ("src/mail/a.c", ALL_BUT_ABORT, "gcc abort();* src/*.c of another tool", 1),
    ("src/mail/a.c", NO_END, "coverage abort();* src/*.c a block goes whole", 0),
], ids=["all", "app", "too little", "mail", "excused", "elsewhere", "the function", "another function", "another tool", "block"])
def test_what_is_enough(report, path, counts, exceptions, status):
    assert report(path, counts, exceptions) == status


def test_a_line_in_two_programs_was_run_if_either_ran_it(report, capsys):
    assert report("src/mail/a.c", [(1, 1), (4, 0), (4, 3)]) == 0
    assert "2 of 2 lines of src are run: 100.0 %" in capsys.readouterr().out


def test_what_is_missing_is_said_by_its_lines(report, capsys):
    report("src/mail/a.c", [(1, 1), (3, 0), (4, 0), (5, 1), (6, 0)])
    assert " 40.0 % of    5 src/mail/a.c" in (out := capsys.readouterr().out)
    assert "3-4 6" in out


@pytest.mark.parametrize("before, function", [
    ("static bool is_mending(const struct fs *f)", "is_mending"),
    ("static enum error begin(\n    struct a *a, struct b *b)", "begin"),
    ("struct listing *maildrop_listing(struct maildrop *m)", "maildrop_listing"),
    ('__attribute__((format(printf, 2, 0))) static void listen_to(\n    const char *format)', "listen_to"),
    ("static int one(void)\n{\n}\n\nstatic const struct row rows[] = {\n    {other(1)},\n};\n\nint two(void)", "two"),
    ("int one(void);", ""),
])
def test_a_line_is_in_the_function_that_began_last(before, function):
    text = f"{before}\n{{\n\treturn called(1);\n".split("\n")
    assert covered.function_at(text, len(text) - 1) == function
