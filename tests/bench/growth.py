"""How the cost grows with the number of messages: mount, listing, cold load, hot pass, a line a size."""

from contestants import read_all
from machine import Broken
from world import Corpus, Mount, Place

COUNTS = (1_000, 10_000, 100_000, 1_000_000)
OCTETS = "600"            # of each message
STEPS = ("mount", "ls -U", "cold load", "hot pass", "unmount", "mount again")


def growth(world, counts):
    """Yields, for each count, {step: seconds, "peak": MiB}."""
    for count in counts:
        yield count, _measure(world, Corpus(f"{count}, tiny", count, OCTETS))


def _measure(world, corpus):
    place, figures = Place(world, corpus), {}
    with Mount(place) as mount:
        figures["mount"] = mount.start()
        figures["ls -U"] = world.run("ls", "-U", mount.path).seconds
        figures["cold load"] = world.run(*read_all(mount.path)).seconds
        figures["hot pass"] = world.run(*read_all(mount.path)).seconds
        missed = corpus.count - int(mount.status()["cached"])
        if missed:
            raise Broken(f"{missed} messages were not read")
        figures["unmount"] = mount.timed_umount()
        with Mount(place, cache=mount.cache) as again:
            figures["mount again"] = again.start()
            again.umount()
    figures["peak"] = mount.cost.peak
    world.forget(corpus)
    return figures


def growth_head():
    return f"{'messages':>10} " + "".join(f"{step:>13}" for step in STEPS) + f"{'peak MiB':>10}   us a message, cold, hot"


def growth_line(count, figures):
    a_message = [f"{figures[step] / count * 1e6:.0f}" for step in ("cold load", "hot pass")]
    return (f"{count:>10} " + "".join(f"{figures[step]:>13.3f}" for step in STEPS)
            + f"{figures['peak']:>10.1f}   {', '.join(a_message)}")
