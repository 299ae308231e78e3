"""What the clients in Python have in common: the server is in the hands of the test that started them."""

import sys

ADDRESS = sys.argv[1]
HTTP = f"http://{ADDRESS}"
WS = f"ws://{ADDRESS}"


def server(what):
    """Has the test do something to the server: `kill` it, or `start` it again at the same address."""
    print("server:", what, flush=True)
    assert sys.stdin.readline().strip() == "done"


def same(seen, expected):
    assert seen == expected, f"{seen!r} instead of {expected!r}"
