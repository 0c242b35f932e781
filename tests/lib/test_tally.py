"""The closing line counts every test once, and never loses a failure."""

import json

import pytest

from tally import tally

GOOD = "1..2\nok 1 - one\nok 2 - two\n# ok - all\n"
JUNIT = """<testsuites><testsuite><testcase classname="a" name="good"/>
<testcase classname="a" name="bad"><failure message="no">why</failure></testcase>
<testcase classname="a" name="skipped"><skipped message="not here"/></testcase>
<testcase classname="a" name="teardown"><error message="left behind">x</error></testcase></testsuite></testsuites>"""


@pytest.mark.parametrize("out, result, want", [
    (GOOD, "OK", (2, 0, 0)),
    ("1..2\nok 1 - one\nnot ok 2 - two\n", "FAIL", (1, 1, 0)),
    ("1..3\nok 1 - one\n", "ERROR", (1, 2, 0)),                # it crashed in the second
    ("", "FAIL", (0, 1, 0)),                                   # or before the first
    ("1..2\nok 1 - one\nok 2 # SKIP two\n", "OK", (1, 0, 1)),
    ("1..2\nok 1 - one\nnot ok 2 # SKIP two\n", "OK", (1, 0, 1)),   # so cmocka 1.1.5 says it
    ("", "SKIP", (0, 0, 1)),                                   # the whole program
    ("1..2\nok 1 - one\n", "SKIP", (1, 1, 0)),                 # no skip: it began, and did not finish
    (GOOD, "FAIL", (2, 1, 0)),                                 # a leak, found after the last
])
def test_functions_of_a_unit_test_are_counted(tmp_path, out, result, want):
    (tmp_path / "gcc.json").write_text(json.dumps({"name": "wire", "stdout": out, "result": result}) + "\n")
    got = tally(tmp_path)
    assert (got.passed, got.failed, got.skipped) == want
    assert len(got.words) == got.failed


def test_a_program_that_hangs_is_shown_once(tmp_path):
    said = "1..3\nok 1 - one\n# began two\n"
    (tmp_path / "gcc.json").write_text(json.dumps({"name": "wire", "stdout": said, "result": "TIMEOUT"}) + "\n")
    assert [words.split("\n", 1)[0] for words in tally(tmp_path).words] == [
        "---- gcc: wire: did not finish (TIMEOUT)", "---- gcc: wire: not run (TIMEOUT)"]
    assert sum("began two" in words for words in tally(tmp_path).words) == 1


def test_pytest_and_other_failures_are_counted(tmp_path):
    (tmp_path / "gcc-mount.xml").write_text(JUNIT)
    (tmp_path / "1.failure").write_text("build clang\n")
    (tmp_path / "shellcheck.passed").touch()
    got = tally(tmp_path)
    assert (got.passed, got.failed, got.skipped) == (2, 3, 1)
    assert any("build clang" in words for words in got.words)
