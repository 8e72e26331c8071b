"""Any Go program that speaks GTP as an opponent, GNU Go among them. How a program is run is `program.py`.

Source: Gunnar Farnebäck, "Specification of the Go Text Protocol, version 2, draft 2".
"""

from collections.abc import Callable, Sequence

from engine.opponents.program import Program, find_command
from engine.opponents.tables import PlayerPerTable
from muzero.config import EnvConfig, require
from muzero.games import make_game
from muzero.games.go import GoGame
from muzero.games.go_vertices import action_of_vertex, vertex_of_action
from muzero.opponents import RESIGNATION, Opponent, Turn

COLOURS = ("black", "white")
MOST_GNUGO_LEVEL = 20
OUR_RULES = ("--chinese-rules", "--positional-superko", "--capture-all-dead")
"""Area scoring; no repetition; and dead stones are captured before the last pass, because here they count as alive."""


def gtp(name: str, env_config: EnvConfig, *, command: str, on_wait: Callable[[], object]) -> Opponent:
    """Returns a program that speaks GTP.

    Args:
        name: the opponent's name in full.
        env_config: the world to play.
        command: its command line.
        on_wait: called several times a second while it thinks.

    Raises:
        UserError: the world is not Go, or the command cannot be read.
        MachineProblem: there is no such program.
    """
    game = _go(name, env_config)
    parts = find_command(name, command)
    return PlayerPerTable(name, lambda: GtpPlayer(Program(name, parts, on_wait), game, seed_command=None))


def gnugo(name: str, env_config: EnvConfig, *, level: int, on_wait: Callable[[], object]) -> Opponent:
    """Returns GNU Go at a level, 0 to 20, under the rules of our Go; other arguments and errors as of `gtp`."""
    require(0 <= level <= MOST_GNUGO_LEVEL, f"opponent '{name}' has level {level}: set 0 to {MOST_GNUGO_LEVEL}.")
    game = _go(name, env_config)
    parts = [*find_command(name, "gnugo"), "--mode", "gtp", "--level", str(level), *OUR_RULES]
    return PlayerPerTable(name, lambda: GtpPlayer(Program(name, parts, on_wait), game, seed_command="set_random_seed"))


def _go(name: str, env_config: EnvConfig) -> GoGame:
    """Returns the world's game if it is Go."""
    game = make_game(env_config)
    if not isinstance(game, GoGame):
        require(False, f"opponent '{name}' plays Go and not '{env_config.name}': choose another one.")
    assert isinstance(game, GoGame)
    return game


class GtpPlayer:
    """One GTP program at one table; see `TablePlayer` for its methods."""

    def __init__(self, program: Program, game: GoGame, seed_command: str | None) -> None:
        """Tells the program the rules.

        Args:
            program: running.
            game: the rules.
            seed_command: the program's own command that takes a seed, if it has one.
        """
        self._program, self._seed_command, self._size = program, seed_command, game.spec.board_shape[0]
        self._told: list[int] | None = None
        self._setup = [f"boardsize {self._size}", f"komi {game.komi:g}"]
        self._asked: list[str] = []

    def begin(self, turn: Turn) -> None:
        """Tells the moves since its last one, or a new game from its start, and asks for a move."""
        commands = list[str]()
        if self._told is None or self._told != list(turn.moves[: len(self._told)]):
            seed = [f"{self._seed_command} {turn.rng.integers(2**31)}"] if self._seed_command else []
            commands, self._told = [*self._setup, "clear_board", *seed], []
        for number in range(len(self._told), len(turn.moves)):
            commands.append(f"play {COLOURS[number % 2]} {vertex_of_action(turn.moves[number], self._size)}")
        self._ask([*commands, f"genmove {COLOURS[len(turn.moves) % 2]}"])
        self._told = list(turn.moves)

    def end(self, turn: Turn) -> int:
        """Returns its move."""
        vertex = self._answers()[-1]
        if vertex.lower() == "resign":
            return RESIGNATION
        action = action_of_vertex(vertex, self._size)
        if action is None:
            raise self._program.failed(f"it answered '{vertex}' to genmove")
        if not turn.legal_actions[action]:
            moves = " ".join(vertex_of_action(move, self._size) for move in turn.moves)
            raise self._program.failed(f"it played {vertex} after [{moves}], which is illegal here")
        self._told = [*turn.moves, action]
        return action

    def close(self) -> None:
        """Ends the program."""
        self._program.close()

    def _ask(self, commands: Sequence[str]) -> None:
        """Sends commands, whose answers are read later."""
        self._asked = list(commands)
        self._program.say(commands)

    def _answers(self) -> list[str]:
        """Returns the answers to all commands sent."""
        return [self._answer(command) for command in self._asked]

    def _answer(self, command: str) -> str:
        """Returns the program's answer to a command: "=", perhaps a number, the text, and an empty line."""
        while not (first := self._program.hear()):
            pass
        if not first.startswith("="):
            raise self._program.failed(f"it answered '{first[:80]}' to '{command}'")
        while self._program.hear():
            pass
        return first[1:].lstrip("0123456789").strip()
