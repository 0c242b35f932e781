"""Looks for a secret where it must not be: in what pop3fs says, in its processes, in its store, in a core."""

import base64
import os
import re
from pathlib import Path

import leftovers


def needles(secret):
    """The secret, and as it looks in base64, wherever it begins there."""
    whole = secret.encode()
    found = [whole]
    for before in range(3):
        text = base64.b64encode(b"x" * before + whole)
        found.append(text[4 if before else 0:-4])
    return found


def check_free(secret, what, octets):
    for needle in needles(secret):
        assert needle not in octets, what


def check_said(secret, mount):
    """Of a mount in the foreground that has ended, with -d: the log has the transcript, and not the secret."""
    said = mount.said()
    assert "RETR" in said and "****" in said
    check_free(secret, "the log", said.encode())


def check_alive(secret, mount):
    """Status, and all that can be seen of the daemon and its companion; neither can be dumped."""
    check_free(secret, "status", mount.call((mount.path / ".pop3fs/status").read_bytes))
    processes = {mount.pid, *mount.processes(), *leftovers.descendants(mount.pid)}
    assert len(processes) >= 2   # there is a companion
    for pid in processes:
        for file in ("cmdline", "environ", "mountinfo"):
            check_free(secret, file, _read_if_allowed(Path(f"/proc/{pid}/{file}")))
        assert os.stat(f"/proc/{pid}/mem").st_uid == 0   # prctl(2), PR_SET_DUMPABLE: no debugger, and no core
        assert re.search(r"^Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text(), re.M)


def check_store(secret, mount):
    files = [path for path in mount.cache.rglob("*") if path.is_file()]
    assert files
    for path in files:
        check_free(secret, path, path.read_bytes())


def _read_if_allowed(path):
    try:
        return path.read_bytes()
    except PermissionError:   # what we may not read nobody else may
        return b""
