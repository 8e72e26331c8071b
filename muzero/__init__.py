"""MuZero as an algorithm: games, networks, search, targets and losses, all in one process on arrays.

No processes, sockets, shared memory or command line in here (those are `engine` and `launch`).
"""

from muzero import kernel_cache

kernel_cache.configure()
