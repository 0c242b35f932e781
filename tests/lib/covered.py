"""What contrib/coverage has counted, by files, and what is missing.

    covered.py COVERAGE.json [EXCEPTIONS]      gcovr's report; contrib/exceptions

A row "coverage PATTERN FILES why" of the exceptions excuses each block of lines without a run that has a line which the
pattern fits (blanks count for nothing); FILES may be one function's alone, as FILE:FUNCTION. Ends with 1 if too little is run, or if a line of ALL is neither run nor excused."""

import json
import re
import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
LEAST = 95                                       # of 100 lines of src
ALL = ("src/pop3/", "src/mail/", "src/fs/")      # where each line counts
BEGINS = re.compile(r"(?:__attribute__\(\(.*\)\) )?[a-z][^;=]*?(\w+)\([^;]*$")   # a function


@dataclass(frozen=True)
class Excuse:
    pattern: str
    where: str

    def covers(self, path, function, lines):
        here = any(fnmatchcase(place, self.where) for place in (path, f"{path}:{function}"))
        return here and any(fnmatchcase(re.sub(r"\s", "", text), self.pattern) for text in lines)


def excuses(text):
    rows = (line.split(None, 3) for line in text.split("\n"))
    return [Excuse(words[1], words[2]) for words in rows if len(words) == 4 and words[0] == "coverage"]


def function_at(text, number):
    """The one that the line of this number is in, in our hand: a function begins where a line does."""
    return next((found[1] for line in text[number - 1::-1] if (found := BEGINS.match(line))), "")


def blocks(counts):
    """Neighbours among the lines that can be run, none of which was: (line number, run how often) in order."""
    block = []
    for number, count in [*sorted(counts.items()), (0, 1)]:
        if count == 0:
            block.append(number)
        elif block:
            yield block
            block = []


def counts_of(file):
    """A line that was compiled into more than one program was run if it was in any of them."""
    counts = {}
    for line in file["lines"]:
        if not line.get("gcovr/noncode"):
            number = line["line_number"]
            counts[number] = max(counts.get(number, 0), line["count"])
    return counts


@dataclass
class Covered:
    path: str
    lines: int
    run: int
    missing: list   # blocks, each a list of line numbers
    excused: int    # lines

    @property
    def share(self):
        return 100 * self.run / self.lines if self.lines else 100


def covered(file, top, rows):
    counts = counts_of(file)
    text = (top / file["file"]).read_text().split("\n")
    missing, excused = [], 0
    for block in blocks(counts):
        function = function_at(text, block[0])
        if any(row.covers(file["file"], function, text[block[0] - 1:block[-1]]) for row in rows):
            excused += len(block)
        else:
            missing.append(block)
    return Covered(file["file"], len(counts), sum(count > 0 for count in counts.values()), missing, excused)


def spans(missing):
    return " ".join(f"{block[0]}-{block[-1]}" if len(block) > 1 else str(block[0]) for block in missing)


def report(files):
    """Lines to be printed, and whether it is enough."""
    words = [f"{f.share:6.1f} % of {f.lines:4} {f.path:28} {spans(f.missing)}".rstrip()
             for f in sorted(files, key=lambda f: (f.share, f.path))]
    lines, run, excused = (sum(getattr(f, name) for f in files) for name in ("lines", "run", "excused"))
    share = 100 * run / lines if lines else 0
    owed = sum(len(block) for f in files if f.path.startswith(ALL) for block in f.missing)
    words.append(f"{run} of {lines} lines of src are run: {share:.1f} % ({LEAST} % are asked for); {excused} are excused")
    words.append(f"{owed} lines of pop3, mail and fs are neither run nor excused")
    return words, share >= LEAST and owed == 0


def main(arguments):
    path, exceptions = Path(arguments[0]), Path(arguments[1] if len(arguments) > 1 else TOP / "contrib/exceptions")
    rows = excuses(exceptions.read_text())
    words, enough = report([covered(file, TOP, rows) for file in json.loads(path.read_text())["files"]])
    print("\n".join(words))
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
