"""Whose answer came: what stands between a reply too many and the file of another message."""

import re

from popserver import capabilities

MAIL = {name: b"Subject: %s\r\n\r\nthe body of %s\r\n" % (name.encode(), name.encode()) for name in "abcdef"}


def fetch(driver, name, tmp_path):
    """Its octets."""
    driver.answer(f"fetch {name}", f"^fetched {name} OK")
    driver.answer(f"save {name} {tmp_path / name}", "^saved ")
    return (tmp_path / name).read_bytes()


def logins(server):
    return server.sent("PASS")


def test_that_top_gives_other_headers_is_learnt_from_two_messages_and_remembered(drive, serve, tmp_path):
    server = serve(*capabilities(), messages=MAIL, rules=['on TOP reply "+OK\\r\\nX-Proxy: yes\\r\\n\\r\\n.\\r\\n"'])
    driver = drive(server, idle=60000)
    driver.answer("first", "^listed 6 fresh")
    for name, after in (("a", 2), ("b", 4), ("c", 4), ("d", 4)):
        assert fetch(driver, name, tmp_path) == MAIL[name]
        assert logins(server) == after, name
    assert server.sent("LIST") > logins(server)     # from then on a line in step is the proof
    driver.end()
    later = drive(server, store=driver.store, idle=60000)
    later.answer("first", "^listed 6 fresh")
    for name in "ef":
        assert fetch(later, name, tmp_path) == MAIL[name]
    assert logins(server) == 5
    later.end()


def test_what_begins_like_a_reply_is_had_where_that_is_what_it_is(drive, serve, tmp_path):
    odd = b"+OK 5 octets\r\n\r\nbody\r\n"
    server = serve(*capabilities(), messages={**MAIL, "b": odd}, rules=['on TOP err "no"'])
    driver = drive(server, idle=60000)
    driver.answer("first", "^listed 6 fresh")
    assert fetch(driver, "a", tmp_path) == MAIL["a"]
    assert fetch(driver, "b", tmp_path) == odd
    assert not re.search("otherwise each time", driver.log())
    driver.end()
