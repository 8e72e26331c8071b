"""The runtime: processes, shared memory, sockets, supervision and checkpoints around the algorithm in `muzero`."""
