"""Sums up what contrib/check left in a directory, shows the failures, and ends with the closing line.

    NAME.json     Meson's test log, a JSON object a line; its stdout is cmocka's TAP
    NAME.xml      pytest's JUnit report
    NAME.passed   one check that passed
    NAME.failure  one failure that no test counts (a build, a crash of pytest): its text
"""

import json
import re
import sys
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field
from pathlib import Path

TAIL = 60    # lines shown of one failure
SHOWN = 20   # failures shown so; of more only the titles


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    words: list = field(default_factory=list)   # of the failures

    def fail(self, title, text):
        self.failed += 1
        lines = text.rstrip("\n").split("\n")
        self.words.append("\n".join([f"---- {title}", *lines[-TAIL:]]))

    def program(self, where, test):
        """One unit test program: each of its functions counts."""
        out = test.get("stdout", "")
        good = re.findall(r"^ok \d+(?! # SKIP)(?!.*# SKIP)", out, re.M)
        skips = re.findall(r"^(?:not )?ok \d+.*# SKIP", out, re.M)   # cmocka says "not ok"
        bad = re.findall(r"^not ok \d+ - (.*)", out, re.M)
        plan = re.search(r"^1\.\.(\d+)", out, re.M)
        self.passed += len(good)
        self.skipped += len(skips)
        said = out + test.get("stderr", "")
        for name in bad:
            self.fail(f"{where}: {test['name']}: {name}", said)
        unheard = (int(plan[1]) if plan else 1) - len(good) - len(skips) - len(bad)
        if test["result"] == "SKIP" and not plan:
            self.skipped += 1   # the whole program: exit status 77
            return
        for number in range(unheard):
            how = "not run" if number else "did not finish"   # it ended, or was ended, in the first of them
            self.fail(f"{where}: {test['name']}: {how} ({test['result']})", "" if number else said)
        if test["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not bad and unheard <= 0:
            self.fail(f"{where}: {test['name']}: {test['result']}", said)   # a sanitizer's report at exit, a crash

    def pytest(self, path):
        for case in xml.parse(path).iter("testcase"):
            name = f"{path.stem}: {case.get('classname')}.{case.get('name')}"
            troubles = [e for e in case if e.tag in ("failure", "error")]
            for trouble in troubles:
                self.fail(name, trouble.text or trouble.get("message", ""))
            if not troubles:
                if case.find("skipped") is None:
                    self.passed += 1
                else:
                    self.skipped += 1


def tally(directory):
    result = Tally()
    for path in sorted(directory.iterdir()):
        if path.suffix == ".json":
            for line in path.read_text().splitlines():
                result.program(path.stem, json.loads(line))
        elif path.suffix == ".xml":
            result.pytest(path)
        elif path.suffix == ".passed":
            result.passed += 1
        elif path.suffix == ".failure":
            result.fail("contrib/check", path.read_text())
    return result


def main():
    result = tally(Path(sys.argv[1]))
    for number, words in enumerate(result.words):
        print(words if number < SHOWN else words.split("\n", 1)[0])
    print(f"{result.passed} passed, {result.failed} failed, {result.skipped} skipped")
    return 1 if result.failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
