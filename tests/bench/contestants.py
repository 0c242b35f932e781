"""Who brings a whole maildrop over the line: pop3fs, its peers, and the limits.

Each is a function of a Place that does it once and returns its figures: seconds, cpu (the processor's seconds, of
all its processes), peak (MiB, of its largest process).
"""

import sqlite3

from machine import Broken, find, tick
from world import PASSWORD, Mount


def read_all(directory):
    """What a user does who wants everything: the words of a command."""
    return "sh", "-c", 'find "$1" -type f -print0 | xargs -0 cat', "sh", directory


def cold_load(place, **options):
    """An empty cache, mounted, every file read once, unmounted: all of it in the time."""
    return _load(place, read_all, **options)


NO_CRS = 0.9      # of the octets are left at least where somebody drops CRs

MIRROR = {"prefetch": "all", "ro": True, "default_permissions": True}


def cold_load_mirror(place, **options):
    """The same with everything fetched before it is shown."""
    return _load(place, read_all, **MIRROR, **options)


def cold_copy(command):
    """The same, read by a command that copies (its arguments follow: from, to)."""
    def work(place):
        to = place.world.fresh("copy")
        return _load(place, lambda mnt: (*command, f"{mnt}/.", f"{to}/"))
    return work


def _load(place, command, durable=False, **options):
    begun = tick()
    with Mount(place, **options) as mount:
        mount.start()
        readers = place.world.run(*command(mount.path))
        mount.umount()
        if durable:
            flush(place.world, mount.cache, readers)
        cost = mount.cost
    cost.seconds = tick() - begun
    cost.cpu += readers.cpu
    _look_into(place, mount.cache)
    return cost.figures()


def _look_into(place, cache):
    """Whether everything is in the cache, by number and by octets."""
    database = sqlite3.connect(next(cache.glob("*.db")))
    count, octets = database.execute("SELECT count(*), total(size) FROM message WHERE chunks IS NOT NULL").fetchone()
    database.close()
    if (count, octets) != (place.corpus.count, place.octets):
        raise Broken(f"{count} of {place.corpus.count} messages are in the cache, {octets:.0f} of {place.octets} octets")


def flush(world, directory, cost):
    """Puts on disk whatever was written to this file system."""
    world.run("sync", "-f", directory, cost=cost)


def _peer(place, argv, where, durable, env=None, good=(0,)):
    cost = place.world.run(*argv, env=env, good=good)
    if durable:
        flush(place.world, where, cost)
    return cost.figures()


def mpop_config(place, where, only_new=False):
    """A configuration of mpop that delivers into a Maildir at `where`. Its path."""
    for name in ("cur", "new", "tmp"):
        (where / "maildir" / name).mkdir(parents=True, exist_ok=True)
    tls = ("tls on", "tls_starttls off", f"tls_trust_file {place.ca}") if place.tls else ("tls off",)
    config = where / "mpoprc"
    config.write_text("\n".join((
        "account default", "host 127.0.0.1", f"port {place.port}", f"user {place.user}", f"password {PASSWORD}", "auth user",
        *tls, "keep on", f"only_new {'on' if only_new else 'off'}", f"uidls_file {where}/uidls",
        "received_header off", f"delivery maildir {where}/maildir", "")))
    config.chmod(0o600)
    return config


def mpop(place, durable=False, syncs=True):
    where = place.world.fresh("mpop")
    argv = [find("mpop"), "-q", f"--file={mpop_config(place, where)}"]
    env = None if syncs else {"LD_PRELOAD": str(place.world.tool("nosync.so"))}
    figures = _peer(place, argv, where, durable, env)
    _count(place, where / "maildir/new")
    return figures


def mpop_no_sync(place):
    """As mpop, but it need not wait for the disk at each message."""
    return mpop(place, syncs=False)


def _count(place, directory):
    sizes = [path.stat().st_size for path in directory.iterdir()]
    if len(sizes) != place.corpus.count or sum(sizes) < place.octets * NO_CRS:
        raise Broken(f"{len(sizes)} of {place.corpus.count} messages arrived, {sum(sizes)} octets")


def fetchmail(place, durable=False):
    where = place.world.fresh("fetchmail")
    tls = f"ssl sslcertck sslcertfile {place.ca} sslcommonname localhost" if place.tls else "sslproto ''"
    config = where / "fetchmailrc"
    config.write_text(
        f"set no syslog\npoll 127.0.0.1 service {place.port} protocol pop3 auth password timeout 0 no dns\n"
        f"user '{place.user}' password '{PASSWORD}' {tls} keep fetchall no rewrite bsmtp {where}/all\n")
    config.chmod(0o600)
    figures = _peer(place, [find("fetchmail"), "--silent", "-f", config, "--idfile", where / "ids", "--pidfile",
                            where / "pid"], where, durable, {"FETCHMAILHOME": str(where)})
    if (where / "all").stat().st_size < place.octets * NO_CRS:
        raise Broken("fetchmail did not bring all")
    return figures


def curl(place, durable=False):
    where = place.world.fresh("curl")
    figures = _peer(place, [*curl_words(place), "-o", f"{where}/#1",
                            f"{curl_url(place)}/[1-{place.corpus.count}]"], where, durable)
    _count(place, where)
    return figures


def curl_words(place):
    """The words of a curl that may log in."""
    words = [find("curl"), "-s", "-u", f"{place.user}:{PASSWORD}"]
    return [*words, "--cacert", place.ca] if place.tls else words


def curl_url(place):
    return f"{'pop3s' if place.tls else 'pop3'}://127.0.0.1:{place.port}"


def drain(place, *options):
    """Limit 1: nothing is stored."""
    tls = ("--tls", "--ca", place.ca) if place.tls else ()
    return place.world.run(place.world.tool("drain"), *tls, *options, f"127.0.0.1:{place.port}", place.user, PASSWORD).figures()


def drain_stored(place, durable=False, options=()):
    """Limit 2: stored in one database, as pop3fs has it. On disk at its end in any case."""
    where = place.world.fresh("drain")
    return drain(place, "--store", where / "db", *options)


def durably(contestant):
    def work(place):
        return contestant(place, durable=True)
    return work


def formula(words, seconds):
    """No contestant but a bound: seconds(place)."""
    def work(place):
        return {"seconds": seconds(place)}
    work.__doc__ = words
    return work
