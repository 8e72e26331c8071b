"""Any chess program that speaks UCI as an opponent, Stockfish among them. How a program is run is `program.py`.

Source: Stefan Meyer-Kahlen, "Description of the universal chess interface (UCI)", April 2006.
"""

import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from engine.opponents.options import positive_number, text_and_options
from engine.opponents.program import ANSWER_SECONDS, Program, find_command
from engine.opponents.tables import PlayerPerTable
from muzero.config import EnvConfig, require
from muzero.errors import UnknownName
from muzero.games import make_game
from muzero.games.openspiel_game import OpenSpielGame
from muzero.games.uci_moves import uci_moves
from muzero.opponents import Opponent, Turn

LIMITS = ("depth", "nodes", "movetime")
"""Options that bound its search: plies, positions, milliseconds. All others are options of the program itself."""
DEFAULT_LIMITS = {"nodes": 1000}
"""A number of positions is the same on every machine."""
HANDSHAKE_SECONDS = 10.0
"""Longest wait for "uciok", which a program says before it loads anything, and one that speaks another language never."""


def uci(name: str, env_config: EnvConfig, *, text: str, on_wait: Callable[[], object]) -> Opponent:
    """Returns a program that speaks UCI.

    Args:
        name: the opponent's name in full.
        env_config: the world to play.
        text: its command line, and options behind semicolons, for example "stockfish;depth=1;Skill Level=3".
        on_wait: called several times a second while it thinks.

    Raises:
        UserError: the world is not chess, or the text cannot be read.
        MachineProblem: there is no such program.
    """
    game = make_game(env_config)
    if not isinstance(game, OpenSpielGame) or game.spec.encoding != "chess":
        require(False, f"opponent '{name}' plays chess and not '{env_config.name}': choose another one.")
    command, options = text_and_options(name, text)
    limits = {key: positive_number(name, key, value) for key, value in options.items() if key in LIMITS}
    parts = find_command(name, command)
    if not limits:
        limits, name = DEFAULT_LIMITS, ";".join([name.rstrip("; "), *(f"{key}={number}" for key, number in DEFAULT_LIMITS.items())])
    own = {key: value for key, value in options.items() if key not in LIMITS}
    return PlayerPerTable(name, lambda: UciPlayer(name, Program(name, parts, on_wait), env_config, limits, own))


class UciPlayer:
    """One UCI program at one table; see `TablePlayer` for its methods."""

    def __init__(self, name: str, program: Program, env_config: EnvConfig, limits: Mapping[str, int], options: Mapping[str, str]) -> None:
        """Sets the program's options.

        Args:
            name: the opponent's name in full, for messages.
            program: running.
            env_config: the world.
            limits: what to say behind "go".
            options: options of the program itself.

        Raises:
            UnknownName: the program has no such option.
            OpponentFailed: it does not speak UCI.
        """
        self._program, self._go = program, " ".join(["go", *(f"{key} {value}" for key, value in limits.items())])
        self._game = make_game(env_config)
        fen = env_config.kwargs.get("fen")
        self._position = f"position fen {fen}" if fen else "position startpos"
        self._moves = list[int]()
        self._texts = list[str]()
        try:
            self._introduce(name, options)
        except Exception:
            program.close()
            raise

    def begin(self, turn: Turn) -> None:
        """Tells it the position by all its moves, and to think."""
        is_new = self._moves != list(turn.moves[: len(self._moves)]) or not self._moves
        if is_new:
            self._game.reset(0)
            self._moves, self._texts = [], []
        for action in turn.moves[len(self._moves) :]:
            self._texts.append({number: text for text, number in self._legal_moves().items()}[action])
            self._game.step(action)
        self._moves = list(turn.moves)
        moves = f" moves {' '.join(self._texts)}" if self._texts else ""
        self._program.say([*(["ucinewgame"] if is_new else []), self._position + moves, self._go])

    def end(self, turn: Turn) -> int:
        """Returns its move."""
        words = self._wait_for("bestmove").split()
        text, moves = words[1] if len(words) > 1 else "", self._legal_moves()
        if text not in moves:
            raise self._program.failed(f"it played '{text}' after [{' '.join(self._texts)}], which is illegal here")
        return moves[text]

    def close(self) -> None:
        """Ends the program."""
        self._program.close()

    def _introduce(self, name: str, options: Mapping[str, str]) -> None:
        """Greets the program and sets its options."""
        self._program.say(["uci"])
        known = list[str]()
        for line in self._lines_until("uciok", HANDSHAKE_SECONDS, " and does not seem to speak UCI"):
            if line.startswith("option name "):
                known.append(line.removeprefix("option name ").partition(" type ")[0])
        for key in options:
            if key not in known:
                raise UnknownName(f"option of opponent {name}", key, [*known, *LIMITS])
        self._program.say([*(f"setoption name {key} value {value}" for key, value in options.items()), "isready"])
        self._wait_for("readyok")

    def _wait_for(self, word: str) -> str:
        """Returns the first line that starts with a word."""
        *_, line = self._lines_until(word, ANSWER_SECONDS, "")
        return line

    def _lines_until(self, word: str, timeout_seconds: float, meaning: str) -> Iterator[str]:
        """Gives all lines to the first one that starts with a word; a program may say other things before, but not for ever.

        Args:
            word: the word.
            timeout_seconds: longest wait for it.
            meaning: what to add to the sentence where it was waited for in vain.
        """
        deadline, line = time.monotonic() + timeout_seconds, ""
        silence = f"it did not answer '{word}' within {timeout_seconds:g} s{meaning}"
        while line.partition(" ")[0] != word:
            line = self._program.hear(max(0.0, deadline - time.monotonic()), silence=silence)
            yield line

    def _legal_moves(self) -> dict[str, int]:
        """Returns the legal moves of the position by how UCI writes them."""
        legal_actions, frame = np.zeros(self._game.spec.num_actions, np.bool_), np.zeros(self._game.spec.frame_shape, np.int8)
        self._game.legal_actions(legal_actions)
        self._game.frame(frame)
        return uci_moves(legal_actions, frame)
