"""Where the programs under test are: $POP3FS, $POP3_SERVER, $SESSION_DRIVER and $FAULTS (these two else beside that
$POP3FS), or those of the build directory `build`."""

import os
import shutil
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PLACES = {
    "pop3fs": ("POP3FS", "build/src/pop3fs"),
    "pop3-server": ("POP3_SERVER", "build/tests/server/pop3-server"),
    "session-driver": ("SESSION_DRIVER", "build/tests/session/session-driver"),
    "faults.so": ("FAULTS", "build/tests/faults/faults.so"),
}

BESIDE = {"session-driver": "tests/session/session-driver", "faults.so": "tests/faults/faults.so"}


def program_built(name):
    """Where it was built."""
    variable, place = PLACES[name]
    if variable in os.environ:
        return Path(os.environ[variable])
    if name in BESIDE and "POP3FS" in os.environ:
        return Path(os.environ["POP3FS"]).parents[1] / BESIDE[name]
    return TOP / place


def program(name, root):
    """A copy below root, where an ordinary user can run it whatever directory the tree is in."""
    copy = root / "bin" / name
    if not copy.exists():
        built = program_built(name)
        assert built.is_file(), f"{built} is not there: build it, or set {PLACES[name][0]}"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(built, copy)
        copy.chmod(0o755)
    return copy
