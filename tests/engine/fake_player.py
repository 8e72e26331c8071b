"""A program that speaks a little GTP and UCI and misbehaves as its argument says: `python fake_player.py BEHAVIOUR`. No tests.

BEHAVIOUR is dies, sulks, babbles, floods, refuses, cheats, resigns, or the move it plays every time.
"""

import os
import sys
import time

BEHAVIOUR = sys.argv[1]


def misbehave() -> None:
    """Does what is asked for where an answer with a move is due."""
    if BEHAVIOUR == "dies":
        sys.exit("out of ideas")
    elif BEHAVIOUR == "sulks":
        time.sleep(600)
    elif BEHAVIOUR == "floods":
        os.write(1, b"x" * (1 << 21))


def answer_gtp(command: str) -> None:
    """Answers one command."""
    if command == "genmove":
        misbehave()
        move = {"resigns": "resign", "cheats": "A1", "babbles": "banana"}.get(BEHAVIOUR, BEHAVIOUR)
        print("? cannot" if BEHAVIOUR == "refuses" else f"= {move}", end="\n\n", flush=True)
    else:
        print("=", end="\n\n", flush=True)


def answer_uci(command: str) -> None:
    """Answers one command."""
    if command == "uci":
        print("id name fake\noption name Skill type spin default 1\nuciok", flush=True)
    elif command == "isready":
        print("readyok", flush=True)
    elif command == "go":
        misbehave()
        move = {"babbles": "", "cheats": "e2e5"}.get(BEHAVIOUR, BEHAVIOUR)
        print(f"info depth 1\nbestmove {move}", flush=True)


for line in sys.stdin:
    word = line.split()[0]
    (answer_uci if word in ("uci", "isready", "go", "position", "ucinewgame", "setoption") else answer_gtp)(word)
