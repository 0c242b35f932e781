"""Nothing is left behind: not a process, not a mount, not a report of a sanitizer.

The test process adopts its orphans (PR_SET_CHILD_SUBREAPER): a daemon that goes to the background
becomes its child, so it can be waited for, and its exit status read, like any other.
"""

import ctypes
import os
import re
import select
import signal
import subprocess
from pathlib import Path

from eventually import eventually

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def command_line(pid):
    """A process's words, or [] if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    except OSError:
        return []


def children():
    """{pid: command line} of our living children, the adopted ones too. Dead ones are reaped."""
    found = {}
    for task in Path(f"/proc/{os.getpid()}/task").iterdir():
        try:
            pids = (task / "children").read_text().split()
        except OSError:
            continue   # a thread that has just ended
        for pid in pids:
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
                if state == "Z":
                    os.waitpid(int(pid), os.WNOHANG)
                else:
                    found[int(pid)] = command_line(pid)
            except (OSError, ChildProcessError):
                pass
    return found


def descendants(pid):
    """The pids of a process's children, and of theirs."""
    try:
        found = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return found + [p for child in found for p in descendants(child)]


def wait_for_end(pid, seconds):
    """Waits for a process to end. Returns its exit code (minus the signal that killed it; None if it was not
    our child). AssertionError if it lives on."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    try:
        ready, _, _ = select.select([handle], [], [], seconds)
        assert ready, f"process {pid} ({' '.join(command_line(pid))}) did not end in {seconds} seconds"
        try:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        except ChildProcessError:
            return None
    finally:
        os.close(handle)


def mounts_below(root):
    """[(mountpoint, device minor)] of the FUSE mounts below a directory."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        words = line.split(" ")
        where = re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), words[4])
        kind = words[words.index("-") + 1]
        if kind.startswith("fuse") and (where + "/").startswith(str(root) + "/"):
            found.append((where, int(words[2].split(":")[1])))
    return found


def holders(mountpoint):
    """The processes in whose mount namespaces it is still mounted, as far as they may be known: somebody who made a
    namespace meanwhile has copies of all that was mounted, and keeps them from ending."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f" {mountpoint} " in (place / "mountinfo").read_text():
                found.append(int(place.name))
        except OSError:
            pass
    return found


def force_off(mountpoint, minor):
    """Takes a mount away, whatever state its daemon is in. Needs root for the last resorts."""
    if not detach(mountpoint) and (mountpoint, minor) in mounts_below(mountpoint):   # or the number is another's by now
        try:
            Path(f"/sys/fs/fuse/connections/{minor}/abort").write_text("1")
        except OSError:
            pass   # fusectl is not mounted, or we may not
        detach(mountpoint)


def detach(mountpoint):
    for command in (["umount", mountpoint], ["umount", "-l", mountpoint], ["fusermount3", "-u", "-z", mountpoint]):
        try:
            if subprocess.run(command, capture_output=True, timeout=20, check=False).returncode == 0:
                return True
        except subprocess.TimeoutExpired:
            pass
    return False


def end(pid):
    """Ends one of our children, by force if it must be."""
    for number, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.kill(pid, number)
            wait_for_end(pid, seconds)
            return
        except ProcessLookupError:
            return
        except AssertionError:
            pass


def clean(root, known=()):
    """Takes away every mount below root and every child but the known ones, and returns a line for each that was
    there."""
    def strangers():
        return {pid: words for pid, words in children().items() if pid not in known}

    found = []
    for mountpoint, minor in mounts_below(root):
        found.append(f"mount {mountpoint}")
        force_off(mountpoint, minor)
    try:
        eventually(lambda: not strangers(), "the end of the last child", 3)
    except AssertionError:
        pass
    for pid, words in strangers().items():
        found.append(f"process {pid}: {' '.join(words)}")
        end(pid)
    return found


def sanitizer_reports(root):
    """What ASan, UBSan or TSan wrote below root (see sanitizer_environment), as one text; "" if nothing."""
    reports = []
    for path in sorted((root / "reports").glob("*")):
        reports.append(f"--- {path.name}\n{path.read_text(errors='replace')}")
        path.unlink()
    return "\n".join(reports)


def sanitizer_environment(root):
    """Environment that makes sanitizers write their reports where sanitizer_reports() looks, and makes a
    daemon, whose stderr is /dev/null, say what was wrong with it."""
    reports = root / "reports"
    reports.mkdir()
    os.chmod(reports, 0o1777)
    result = {}
    for name in ("ASAN", "UBSAN", "TSAN", "LSAN"):
        given = os.environ.get(f"{name}_OPTIONS", "")
        result[f"{name}_OPTIONS"] = f"{given}:log_path={reports}/{name.lower()}:print_stacktrace=1".lstrip(":")
    return result
