"""What the runs brought, as text and as a picture."""

from html import escape
from statistics import median

PANEL, BAR, LABEL, SPAN, WIDTH = 26, 15, 230, 560, 960     # of the picture, in pixels
LONGEST = 6     # bars longer than so many times pop3fs's are cut
COLOURS = {"pop3fs": "#2f6db3", "limit": "#8a8a8a", "peer": "#d99a4e"}


def medians(samples):
    """{contestant: [figures, ...]} → {contestant: {figure: median}}."""
    return {name: {key: median(s[key] for s in taken) for key in taken[0]} for name, taken in samples.items() if taken}


def judge(goal, results):
    """(value, or None; the words behind it)."""
    try:
        value = goal.value(results)
    except KeyError as error:
        return None, f"cannot be said: no figure of {error.args[0]}"
    return value, "reached" if goal.reached(value) else "MISSED"


def _number(value, digits=3):
    if value is None:
        return "-"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:.0f}"


def table(row, samples, missing):
    """The text of one row: a line a contestant, a line a goal."""
    results = medians(samples)
    out = [f"row {row.number}  {row.title}  ({row.name})",
           f"    {'':26} {'seconds':>9}  {'least - most':>17} {'processor':>10} {'peak MiB':>9}  turns"]
    for name, taken in samples.items():
        if not taken:
            continue
        seconds = [s["seconds"] for s in taken]
        spread = f"{_number(min(seconds))} - {_number(max(seconds))}"
        figures = results[name]
        more = {k: v for k, v in figures.items() if k not in ("seconds", "cpu", "peak")}
        out.append(f"    {name:26} {_number(figures['seconds']):>9}  {spread:>17} {_number(figures.get('cpu')):>10} "
                   f"{_number(figures.get('peak'), 1):>9}  {len(taken):>5}")
        if more:
            out.append("        " + ", ".join(f"{k} {_number(v, 4 if v < 1 else 2)}" for k, v in more.items()))
    out += [f"    {name:26} missing: {why}" for name, why in missing.items()]
    for goal in row.goals:
        value, words = judge(goal, results)
        out.append(f"  goal  {goal.words:62} {_number(value):>8}  {goal.bound:>9}  {words}")
    return "\n".join(out) + "\n"


MARK = "<!-- figures: by tests/bench/run --markdown -->"


def _cells(*cells):
    return "| " + " | ".join(cells) + " |"


def _row_markdown(row, samples):
    results = medians(samples)
    out = [f"### {row.number}. {row.title} (`{row.name}`)", "",
           _cells("", "seconds", "least to most", "turns", "processor", "peak MiB", ""), "| --- |" + " ---: |" * 5 + " --- |"]
    for name, taken in samples.items():
        figures, seconds = results[name], [s["seconds"] for s in taken]
        more = {k: v for k, v in figures.items() if k not in ("seconds", "cpu", "peak")}
        out.append(_cells(name, _number(figures["seconds"]), f"{_number(min(seconds))} to {_number(max(seconds))}",
                          str(len(taken)), _number(figures.get("cpu")), _number(figures.get("peak"), 1),
                          ", ".join(f"{k} {_number(v, 4 if v < 1 else 2)}" for k, v in more.items())))
    out.append("")
    for goal in row.goals:
        value, words = judge(goal, results)
        out.append(f"- {goal.words}: **{_number(value)}**, goal {goal.bound}: {words}")
    return out + [""]


def markdown(text, rows):
    """The text with tables of all rows, [(row, samples), ...], behind its mark."""
    summary = [_cells("row", "goal", "reach", "measured", ""), "| --- | --- | --- | ---: | --- |"]
    for row, samples in rows:
        results = medians(samples)
        for goal in row.goals:
            value, words = judge(goal, results)
            summary.append(_cells(f"{row.number} {row.name}", goal.words, goal.bound, _number(value), words))
    lines = [MARK, "", "## The goals", "", *summary, "", "## The figures", ""]
    for row, samples in rows:
        lines += _row_markdown(row, samples)
    return text.split(MARK)[0] + "\n".join(lines).rstrip() + "\n"


def _colour(name):
    return next((c for kind, c in COLOURS.items() if name.startswith(kind)), COLOURS["peer"])


def _text(x, y, words, size=12, more=""):
    return f'<text x="{x}" y="{y}" font-size="{size}" {more}>{escape(words)}</text>'


def _panel(row, samples, top):
    """The bars of one row, from `top` on; returns (lines of SVG, height)."""
    results = medians(samples)
    seconds = {name: r["seconds"] for name, r in results.items()}
    first = min((s for name, s in seconds.items() if name.startswith("pop3fs")), default=max(seconds.values()))
    longest = max(min(s, LONGEST * first) for s in seconds.values())
    out = [_text(8, top + 17, f"{row.number}. {row.title}", 14, 'font-weight="bold"')]
    y = top + PANEL
    for name, value in seconds.items():
        cut = value > longest
        length = max(1, SPAN * min(value, longest) / longest)
        out += [_text(LABEL - 8, y + BAR - 3, name, 12, 'text-anchor="end"'),
                f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR - 3}" fill="{_colour(name)}"/>',
                _text(LABEL + length + 6, y + BAR - 3, f"{value:.3g} s" + (" (cut)" if cut else ""))]
        y += BAR
    for goal in row.goals:
        value, words = judge(goal, results)
        if value is not None:
            colour = "#2a7a2a" if words == "reached" else "#b02020"
            out.append(_text(LABEL, y + BAR - 3, f"{goal.words}: {value:.3g} (goal {goal.bound})", 11,
                             f'fill="{colour}"'))
            y += BAR
    return out, y + 12 - top


def picture(rows, machine):
    """SVG of all rows: [(row, samples), ...]."""
    body, top = [_text(8, 18, f"pop3fs, its peers (orange) and the limit (grey); median seconds; {machine}", 12)], 28
    for row, samples in rows:
        if any(samples.values()):
            lines, height = _panel(row, samples, top)
            body += lines
            top += height
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top}" font-family="sans-serif">\n'
            f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(body) + "\n</svg>\n")
