"""The table of hostile servers: data for tests/server, and what must come out of a mount."""

from . import answers, bodies, listings, logins, sessions

ROWS = [*bodies.ROWS, *answers.ROWS, *listings.ROWS, *logins.ROWS, *sessions.ROWS]
