"""Makes the name of a world fit into the name of a file or folder. Which files there are is decided elsewhere."""

import re


def file_stem(world: str) -> str:
    """Returns the name of a world with nothing but letters, digits and dashes: atari-Breakout for atari:Breakout."""
    return re.sub(r"[^A-Za-z0-9]+", "-", world).strip("-")
