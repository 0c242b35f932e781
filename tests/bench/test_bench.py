"""The tools of the benchmarks: they do what they say; how fast, no test asks."""

import hashlib
import json
import os
import re
import socket
import sqlite3
import statistics
import subprocess
import threading
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

import ports
from machine import Broken, Runner
from report import MARK, judge, markdown, picture, table
from rows import ROWS, Goal, Row, best, bound, geometric_mean, ratio
from scripted import TIMEOUT
from works import HOT

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ.get("POP3FS", HERE.parents[1] / "build/src/pop3fs")).resolve().parents[1]
TOOLS = BUILD / "tests/bench"
PIECE = 3_000_000     # octets; more than the sockets' buffers hold


def tool(name, *words, good=True):
    done = subprocess.run([TOOLS / name, *map(str, words)], capture_output=True, text=True, timeout=TIMEOUT * 3, check=False)
    assert (done.returncode == 0) == good, done.stderr
    return done


# The corpus.


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    directory = tmp_path_factory.mktemp("corpus") / "S"
    tool("corpus", 1000, directory)
    return directory


def test_corpus_s_is_what_the_figures_say(corpus):
    sizes = [p.stat().st_size for p in corpus.iterdir()]
    assert len(sizes) == 1000
    assert 65_500_000 < sum(sizes) < 66_500_000
    assert 8_000 < statistics.median(sizes) < 8_400
    assert max(sizes) == 14_000_000


def test_a_corpus_is_the_same_everywhere(tmp_path):
    tool("corpus", 20, tmp_path / "few")
    whole = hashlib.sha256()
    for path in sorted((tmp_path / "few").iterdir()):
        whole.update(path.name.encode() + path.read_bytes())
    assert whole.hexdigest() == "d9a36e6ad82d61ae4affe5426c657d654776e14dd63dce246baecbda4fa4d4b4"


def test_its_messages_are_mail(corpus):
    dotted = 0
    for path in corpus.iterdir():
        octets = path.read_bytes()
        head, body = octets.split(b"\r\n\r\n", 1)
        assert head.startswith(b"Received: ") and b"\r\nSubject: " in head
        assert octets.endswith(b"\r\n")
        assert octets.count(b"\n") == octets.count(b"\r\n")
        dotted += len(re.findall(rb"^\.", body, re.M))
    assert dotted > 1000


@pytest.mark.parametrize("words", [(), ("0", "x"), ("x", "x"), ("1000001", "x"), ("5", "/proc/nowhere")])
def test_a_corpus_that_cannot_be_made_is_an_error(words):
    assert tool("corpus", *words, good=False).stderr


# The line with a delay.


@pytest.fixture
def line():
    """line(port, option...) starts a delay before the port and returns its own port."""
    running = []

    def start(port, *options):
        process = subprocess.Popen([TOOLS / "delay", "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{port}",
                                    *map(str, options)], stdout=subprocess.PIPE, text=True)
        running.append(process)
        return int(process.stdout.readline().split()[1])

    yield start
    for process in running:
        process.terminate()
        process.wait()
        process.stdout.close()


@pytest.fixture
def echo():
    """A server that sends back what it gets, and the end, too. Its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def talk(peer):
        with peer:
            while octets := peer.recv(1 << 16):
                peer.sendall(octets)

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def there_and_back(port, octets):
    """Sends octets and the end of them, and returns what comes until the other end."""
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as s:
        def send():
            s.sendall(octets)
            s.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        back = b"".join(iter(lambda: s.recv(1 << 16), b""))
        sender.join()
    return back


@pytest.mark.parametrize("options", [(), ("--rtt", 0), ("--rtt", 30), ("--rtt", 10, "--rate", 400_000_000)])
def test_octets_pass_both_ways_unchanged_and_so_does_the_end(line, echo, options):
    octets = os.urandom(PIECE)
    assert there_and_back(line(echo, *options), octets) == octets


def test_many_connections_share_a_line(line, echo):
    port = line(echo, "--rtt", 20, "--rate", 1_000_000_000)
    sent = [os.urandom(50_000 + n) for n in range(40)]
    got = [None] * len(sent)

    def one(n):
        got[n] = there_and_back(port, sent[n])

    threads = [threading.Thread(target=one, args=(n,)) for n in range(len(sent))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == sent


def test_who_connects_where_nobody_listens_is_let_go(line):
    port, = ports.take()
    with socket.create_connection(("127.0.0.1", line(port, "--rtt", 4)), TIMEOUT) as s:
        try:
            assert s.recv(1) == b""
        except ConnectionResetError:
            pass


def test_a_client_that_resets_takes_nobody_along(line, echo):
    port = line(echo, "--rtt", 10)
    s = socket.create_connection(("127.0.0.1", port), TIMEOUT)
    s.sendall(b"x" * PIECE)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    s.close()
    assert there_and_back(port, b"still there") == b"still there"


# The limit.


@pytest.fixture
def serve(tmp_path):
    """serve(option...) starts a scripted server; returns its ports, and its CA's file."""
    running = []

    def start(*options):
        ca = tmp_path / f"ca-{len(running)}"
        process = subprocess.Popen([BUILD / "tests/server/pop3-server", "--listen", "127.0.0.1:0", "--tls-listen",
                                    "127.0.0.1:0", "--write-ca", ca, *map(str, options)],
                                   stdout=subprocess.PIPE, text=True)
        running.append(process)
        ports = [process.stdout.readline().split()[3] for _ in range(2)]
        return (*ports, ca)

    yield start
    for process in running:
        process.terminate()
        process.wait()
        process.stdout.close()


def drained(port, *options):
    """(messages, octets) as drain says."""
    said = tool("drain", *options, f"127.0.0.1:{port}", "me", "secret").stdout
    return tuple(int(n) for n in re.search(r"(\d+) messages, (\d+) octets", said).groups())


def test_drain_takes_everything(serve, tmp_path):
    tool("corpus", 60, tmp_path / "mail")
    octets = sum(p.stat().st_size for p in (tmp_path / "mail").iterdir())
    plain, tls, ca = serve("--dir", tmp_path / "mail", "--raw", "--keep")
    assert drained(plain) == (60, octets)
    assert drained(tls, "--tls", "--ca", ca) == (60, octets)
    assert drained(plain, "--list") == (60, 0)


def test_drain_stores_every_octet_in_chunks(serve, tmp_path):
    tool("corpus", 60, tmp_path / "mail")
    plain, _, _ = serve("--dir", tmp_path / "mail", "--raw", "--keep")
    drained(plain, "--store", tmp_path / "db")
    with sqlite3.connect(tmp_path / "db") as db:
        rows = db.execute("SELECT id, uidl, size, lines, chunks FROM message ORDER BY id").fetchall()
        assert len(rows) == 60
        for number, uidl, size, lines, chunks in rows:
            pieces = db.execute("SELECT data FROM chunk WHERE key >> 24 = ? ORDER BY key", (number,)).fetchall()
            octets = b"".join(data for data, in pieces)
            assert octets == (tmp_path / f"mail/{uidl.decode()}.eml").read_bytes()
            assert (size, lines, chunks) == (len(octets), octets.count(b"\r\n"), len(pieces))


def test_drain_stores_a_listing(serve, tmp_path):
    plain, _, _ = serve("--synthetic", "5000:600")
    drained(plain, "--list", "--store", tmp_path / "db")
    with sqlite3.connect(tmp_path / "db") as db:
        assert db.execute("SELECT count(*), count(DISTINCT uidl), sum(listed), count(size) FROM message").fetchone() == (
            5000, 5000, 3_000_000, 0)


def test_drain_deletes_everything(serve):
    plain, _, _ = serve("--synthetic", "500:600")
    assert drained(plain, "--delete") == (500, 0)
    assert drained(plain, "--list") == (0, 0)


@pytest.mark.parametrize("rule, words", [
    ('on PASS err "no"', "-ERR no"), ("on RETR 7 close", "closed"), ("on UIDL reply \"+OK\\r\\nrubbish\\r\\n.\\r\\n\"", "UIDL")])
def test_drain_says_what_went_wrong(serve, rule, words):
    plain, _, _ = serve("--synthetic", "20:600", "--fault", rule)
    assert words in tool("drain", f"127.0.0.1:{plain}", "me", "secret", good=False).stderr


# What a command costs.


def test_a_command_is_accounted_for_and_its_failure_told(tmp_path):
    run = Runner(TOOLS / "cost", tmp_path)
    cost = run("sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done")
    assert cost.seconds > 0 and cost.cpu > 0 and cost.peak > 0
    run("sh", "-c", "exit 3", good=(3,), cost=cost)
    with pytest.raises(Broken, match="sh ended with 5: what it said"):
        run("sh", "-c", "echo what it said >&2; exit 5")
    with pytest.raises(Broken, match="127"):
        run("no such program")


# The report.

SAMPLES = {
    "pop3fs": [{"seconds": s, "cpu": 0.25, "peak": 9.5} for s in (1.0, 1.2, 9.0)],
    "mpop": [{"seconds": 4.0, "cpu": 0.5, "peak": 7.0}],
    "curl": [{"seconds": 80.0, "cpu": 0.5, "peak": 7.0}],
    "fetchmail": [],
}


def row(*goals):
    return Row(1, "few", "a <few> messages", None, goals)


def test_a_table_has_medians_and_each_goal_beside_its_ratio():
    goals = (ratio("pop3fs", "mpop", 0.4), ratio("pop3fs", "mpop", 0.4, name="cpu"),
             bound("2 s", "pop3fs", 2.0), ratio("pop3fs", best("fetchmail", "curl"), 0.5, "pop3fs / best"),
             Goal("pop3fs, seconds", lambda r: r["pop3fs"]["seconds"], least=2), ratio("pop3fs", "fetchmail", 0.4))
    lines = table(row(*goals), SAMPLES, {"fetchmail": "fetchmail is not installed"}).splitlines()
    text = {line[:40].strip(): re.sub(" +", " ", line) for line in lines}
    assert lines[0] == "row 1  a <few> messages  (few)"
    assert " pop3fs 1.200 1.000 - 9.000 0.250 9.5 3" in re.sub(" +", " ", lines[2])
    assert "    fetchmail                  missing: fetchmail is not installed" in lines
    verdicts = [re.sub(" +", " ", line).strip() for line in lines if line.startswith("  goal")]
    assert verdicts == [
        "goal pop3fs / mpop 0.300 <= 0.4 reached",
        "goal pop3fs / mpop, cpu 0.500 <= 0.4 MISSED",
        "goal pop3fs / (2 s) 0.600 <= 1 reached",
        "goal pop3fs / best 0.015 <= 0.5 reached",
        "goal pop3fs, seconds 1.200 >= 2 MISSED",
        "goal pop3fs / fetchmail - <= 0.4 cannot be said: no figure of fetchmail",
    ]
    assert text


def test_a_mean_of_ratios_is_geometric():
    results = {"pop3fs": {name: 2.0 for name in HOT}, "disk": {name: 1.0 for name in HOT}}
    results["pop3fs"][HOT[0]] = 0.5
    results["pop3fs"][HOT[1]] = 0.5
    value, words = judge(geometric_mean("pop3fs", "disk", 1.0), results)
    assert value == pytest.approx(2 ** ((len(HOT) - 4) / len(HOT)))
    assert words == "MISSED"


def test_a_picture_is_well_formed_and_shows_who_was_there():
    tree = xml.fromstring(picture([(row(ratio("pop3fs", "mpop", 0.4)), SAMPLES), (row(), {"pop3fs": []})], "here & now"))
    words = [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "1. a <few> messages" in words
    assert [w for w in words if w in SAMPLES] == ["pop3fs", "mpop", "curl"]
    assert "80 s (cut)" in words
    assert "pop3fs / mpop: 0.3 (goal <= 0.4)" in words


def test_tables_stand_behind_their_mark_and_replace_the_old_ones():
    rows = [(row(ratio("pop3fs", "mpop", 0.4), ratio("pop3fs", "mpop", 0.2)), {k: v for k, v in SAMPLES.items() if v})]
    text = markdown(f"# What people wrote\n\n{MARK}\nold tables\n", rows)
    assert text.startswith(f"# What people wrote\n\n{MARK}\n")
    assert "old tables" not in text
    assert "| 1 few | pop3fs / mpop | <= 0.4 | 0.300 | reached |" in text
    assert "| 1 few | pop3fs / mpop | <= 0.2 | 0.300 | MISSED |" in text
    assert "| pop3fs | 1.200 | 1.000 to 9.000 | 3 | 0.250 | 9.5 |  |" in text
    assert markdown(text, rows) == text


# The rows.


def test_each_row_has_a_name_of_its_own_and_a_goal():
    assert len({r.name for r in ROWS}) == len(ROWS)
    assert {r.number for r in ROWS} == set(range(1, 14))
    assert all(r.goals for r in ROWS)


@pytest.mark.skipif(not os.access("/dev/fuse", os.W_OK), reason="/dev/fuse cannot be opened")
@pytest.mark.parametrize("name", ["S-near", "mounting", "million", "deleting", "idle"])
def test_a_row_runs_from_one_end_to_the_other(tmp_path, name):
    said = subprocess.run([HERE / "run", "--quick", "--build", BUILD, "--dir", tmp_path, "--svg", tmp_path / "svg",
                           "--json", tmp_path / "json", name], capture_output=True, text=True, timeout=300, check=False)
    assert said.returncode == 0, said.stderr
    assert re.search(r"^    pop3fs[^:]*\d$", said.stdout, re.M), said.stdout
    assert "ended with" not in said.stdout
    assert xml.parse(tmp_path / "svg").getroot().tag.endswith("svg")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["json", "svg"]


@pytest.mark.skipif(not os.access("/dev/fuse", os.W_OK), reason="/dev/fuse cannot be opened")
def test_a_row_measured_now_replaces_the_old_one_and_others_stay(tmp_path):
    figures = tmp_path / "json"
    figures.write_text(json.dumps({"idle": {"another": [{"seconds": 7.0}]}, "hot": {"disk": [{"seconds": 1.0}]}}))
    subprocess.run([HERE / "run", "--quick", "--build", BUILD, "--dir", tmp_path, "--json", figures, "--only", "pop3fs", "idle"],
                   capture_output=True, timeout=300, check=True)
    kept = json.loads(figures.read_text())
    assert sorted(kept["idle"]) == ["pop3fs"]     # never beside figures of another run
    assert kept["hot"] == {"disk": [{"seconds": 1.0}]}


@pytest.mark.skipif(not os.access("/dev/fuse", os.W_OK), reason="/dev/fuse cannot be opened")
def test_growth_is_a_line_a_size(tmp_path):
    said = subprocess.run([HERE / "run", "--build", BUILD, "--dir", tmp_path, "--growth", "1000"], capture_output=True,
                          text=True, timeout=300, check=False)
    assert said.returncode == 0, said.stderr
    assert re.search(r"^ +messages +mount .*\n +1000( +[\d.]+){7}   \d+, \d+$", said.stdout, re.M), said.stdout
