"""contrib/analysis takes the tools at their words, and contrib/exceptions at its own."""

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def analysis():
    loader = SourceFileLoader("analysis", str(TOP / "contrib/analysis"))
    module = sys.modules["analysis"] = module_from_spec(spec_from_loader("analysis", loader))
    loader.exec_module(module)
    yield module
    del sys.modules["analysis"]


SAID = [
    ("TIDY", "src/a/b.c:3:14: warning: it is odd [cert-err33-c]\n\tcode[x]\n\t    ^\nsrc/a/b.c:1:1: note: here\n",
     ["src/a/b.c:3: warning: it is odd [tool cert-err33-c]"]),
    ("TIDY", "src/a/b.h:9:8: warning: Excessive padding. \nOptimal order: \nx, \ny [clang-analyzer-optin.Padding]\n",
     ["src/a/b.h:9: warning: Excessive padding. Optimal order: x, y [tool clang-analyzer-optin.Padding]"]),
    ("GCC", "src/a/b.c: In function 'f':\nsrc/a/b.c:3:4: warning: NULL [CWE-476] [-Wanalyzer-null-dereference]\n",
     ["src/a/b.c:3: warning: NULL [CWE-476] [tool analyzer-null-dereference]"]),
    ("CPPCHECK", "src/a/b.c:3: style: again [redundantContinue]\n", ["src/a/b.c:3: style: again [tool redundantContinue]"]),
    ("SHELLCHECK", "contrib/x:3:4: note: Quote it. [SC2086]\n", ["contrib/x:3: note: Quote it. [tool SC2086]"]),
    ("CODESPELL", "src/a/b.c:3: teh ==> the\n", ["src/a/b.c:3: the [tool teh]"]),
    ("PYFLAKES", "tests/x.py:3:1: 'os' imported but unused\n", ["tests/x.py:3: 'os' imported but unused [tool ]"]),
]


@pytest.mark.parametrize("kind, said, want", SAID, ids=[f"{row[0].lower()}-{n}" for n, row in enumerate(SAID)])
def test_what_a_tool_says_is_understood(analysis, kind, said, want):
    assert [str(f) for f in analysis.findings("tool", said, getattr(analysis, kind), analysis.TOP)] == want


def test_an_exception_is_of_one_tool_one_finding_and_one_place(analysis):
    row, = analysis.exceptions("# why\n\ngcc analyzer-* src/a/*.c since it is so\n")
    good = analysis.Finding("src/a/b.c", 3, "gcc", "analyzer-leak", "")
    assert row.covers(good)
    for change in ({"path": "src/b/b.c"}, {"tool": "cppcheck"}, {"kind": "format"}):
        assert not row.covers(analysis.Finding(**{**vars(good), **change}))


def test_an_exception_has_a_reason(analysis):
    with pytest.raises(ValueError, match="1: no reason"):
        analysis.exceptions("gcc analyzer-leak src/a/b.c")


def test_every_script_is_read(analysis):
    scripts, python = analysis.scripts(), analysis.python()
    assert {"contrib/check", "contrib/packages.sh", "contrib/completion/pop3fs.bash", ".ci/run"} <= set(scripts)
    assert {"contrib/analysis", "tests/crash/run", "tests/conftest.py"} <= set(python)
    assert not set(scripts) & set(python)
