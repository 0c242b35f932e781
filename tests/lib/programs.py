"""Where the programs under test are: $POP3FS and $POP3_SERVER, or those of the build directory `build`."""

import os
import shutil
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
PLACES = {
    "pop3fs": ("POP3FS", "build/src/pop3fs"),
    "pop3-server": ("POP3_SERVER", "build/tests/server/pop3-server"),
}


def program(name, root):
    """A copy below root, where an ordinary user can run it whatever directory the tree is in."""
    variable, place = PLACES[name]
    copy = root / "bin" / name
    if not copy.exists():
        built = Path(os.environ.get(variable) or TOP / place)
        assert built.is_file(), f"{built} is not there: build it, or set {variable}"
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(built, copy)
        copy.chmod(0o755)
    return copy
