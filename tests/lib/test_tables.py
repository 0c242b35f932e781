"""Tables of documents that name tests: each of them is there."""

import re
from pathlib import Path

from hostile import ROWS

TOP = Path(__file__).resolve().parents[2]
NAMED = re.compile(r"`([a-z0-9_]+): ([^`]+)`")
EXAMPLES = {"test", "row"}


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


def test_the_rows_of_hostile_servers_have_names_of_their_own():
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names)) >= 60
    assert [row.name for row in ROWS if not row.why] == []
