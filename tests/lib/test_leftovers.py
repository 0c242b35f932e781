"""A process left behind is found, named and ended."""

import os
import subprocess

import leftovers


def test_an_orphan_is_ours_and_can_be_waited_for():
    done = subprocess.run(["sh", "-c", "sleep 1000 >/dev/null & echo $!"], stdout=subprocess.PIPE, check=True)
    pid = int(done.stdout)
    assert leftovers.children()[pid] == ["sleep", "1000"]
    os.kill(pid, 9)
    assert leftovers.wait_for_end(pid, 20) == -9


def test_a_live_process_is_not_at_its_end():
    process = subprocess.Popen(["sleep", "1000"])
    try:
        leftovers.wait_for_end(process.pid, 0.1)
    except AssertionError as error:
        assert "sleep 1000" in str(error)
    else:
        raise AssertionError("it is still there")
    leftovers.end(process.pid)
    process.wait()


def test_what_is_left_is_named_and_taken_away(tmp_path):
    known = set(leftovers.children())
    process = subprocess.Popen(["sleep", "1001"])
    assert leftovers.clean(tmp_path, known) == [f"process {process.pid}: sleep 1001"]
    assert process.pid not in leftovers.children()
    process.wait()


def test_a_sanitizer_s_report_is_seen_once(root, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/asan.1").write_text("heap-use-after-free")
    assert "heap-use-after-free" in leftovers.sanitizer_reports(tmp_path)
    assert leftovers.sanitizer_reports(tmp_path) == ""


def test_who_holds_a_mount_is_found(tmp_path):
    assert os.getpid() in leftovers.holders("/proc")
    assert leftovers.holders(tmp_path) == []
