"""The command line: a command parses, makes one call into the library, and prints. What computes is not here.

The library is `headhunt`:

    import headhunt as hh
"""


def __getattr__(name: str) -> object:
    raise AttributeError(f"module 'vadkit' has no attribute {name!r}: the library is headhunt (import headhunt as hh)")
