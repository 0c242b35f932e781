"""An inetd for one service: `python3 inetd.py PORT PROGRAM WORD...` listens on the loopback and gives each
connection, as standard input and output, to a process of its own.

Servers that know no other way of being started, or that listen where only root may, are run by it. It
stays in the foreground; SIGTERM ends it and every process it started.
"""

import signal
import socket
import subprocess
import sys

BACKLOG = 16


def end(*_):
    raise SystemExit(0)


def serve(port, argv):
    children = []
    signal.signal(signal.SIGTERM, end)
    listener = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    try:
        while True:
            connection, _ = listener.accept()
            children = [c for c in children if c.poll() is None]
            children.append(subprocess.Popen(argv, stdin=connection, stdout=connection, stderr=sys.stderr))
            connection.close()
    finally:
        for child in children:
            child.kill()


if __name__ == "__main__":
    serve(int(sys.argv[1]), sys.argv[2:])
