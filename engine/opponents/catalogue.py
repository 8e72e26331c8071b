"""The names of the opponents and how each is made. A name is that of a kind, with what it is told behind a colon.

Modules are imported when an opponent is made: torch for a checkpoint alone, Numba when alpha-beta chooses its first move.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module

from engine.opponents.options import in_full, no_text, numbers_of
from muzero.config import EnvConfig
from muzero.errors import UnknownName, UserError
from muzero.games import make_game
from muzero.match_result import EXHAUSTIVE_OPPONENT
from muzero.opponents import Opponent


@dataclass(frozen=True)
class Order:
    """What an opponent is made from.

    Attributes:
        name: its name as the user gave it; results show it with the defaults that it leaves out.
        text: what stands behind the colon, "" for nothing.
        env_config: the world it plays.
        device: where a network of its own runs; None for its own setting.
        on_wait: called several times a second while another program is waited for.
    """

    name: str
    text: str
    env_config: EnvConfig
    device: str | None
    on_wait: Callable[[], object]


@dataclass(frozen=True)
class Kind:
    """One kind of opponents.

    Attributes:
        make: returns the opponent of an order.
        opening_moves: random plies its games start with unless something else is asked for: 0 for those that vary by themselves,
            2 for those that may not, 4 between networks, both of which never do: two plies of connect four are only 49 openings.
        is_for_runs: whether it can be met inside a run, whose evaluator never imports torch.
    """

    make: Callable[[Order], Opponent]
    opening_moves: int = 0
    is_for_runs: bool = True


def _random(order: Order) -> Opponent:
    from muzero.opponents.random_moves import RandomOpponent

    no_text(order.name, order.text)
    return RandomOpponent()


def _perfect(order: Order) -> Opponent:
    from muzero.opponents.perfect import PerfectOpponent

    no_text(order.name, order.text)
    return PerfectOpponent(order.env_config)


def _alphabeta(order: Order) -> Opponent:
    from muzero.opponents.alphabeta import AlphaBetaOpponent

    numbers = numbers_of(order.name, order.text, {"depth": 5})
    return AlphaBetaOpponent(in_full(order.name, numbers), order.env_config, depth=numbers["depth"])


def _openspiel_mcts(order: Order) -> Opponent:
    from muzero.opponents.openspiel_mcts import OpenSpielMctsOpponent

    numbers = numbers_of(order.name, order.text, {"rollouts": 1000})
    return OpenSpielMctsOpponent(in_full(order.name, numbers), order.env_config, rollouts=numbers["rollouts"])


def _gnugo(order: Order) -> Opponent:
    from engine.opponents.gtp import gnugo

    numbers = numbers_of(order.name, order.text, {"level": 1})
    return gnugo(in_full(order.name, numbers), order.env_config, level=numbers["level"], on_wait=order.on_wait)


def _gtp(order: Order) -> Opponent:
    from engine.opponents.gtp import gtp

    return gtp(order.name, order.env_config, command=order.text, on_wait=order.on_wait)


def _uci(order: Order) -> Opponent:
    from engine.opponents.uci import uci

    return uci(order.name, order.env_config, text=order.text, on_wait=order.on_wait)


def _checkpoint(order: Order) -> Opponent:
    # By its name, so that nothing which knows this file is taken to import torch.
    module = import_module("engine.opponents.checkpoint")
    opponent: Opponent = module.checkpoint(order.name, order.env_config, text=order.text, device=order.device)
    return opponent


OPPONENTS: dict[str, Kind] = {
    "random": Kind(_random),
    EXHAUSTIVE_OPPONENT: Kind(_perfect),
    "alphabeta": Kind(_alphabeta),
    "openspiel-mcts": Kind(_openspiel_mcts),
    "gnugo": Kind(_gnugo, opening_moves=2),
    "gtp": Kind(_gtp, opening_moves=2),
    "uci": Kind(_uci, opening_moves=2),
    "checkpoint": Kind(_checkpoint, opening_moves=4, is_for_runs=False),
}


def kind_of(name: str) -> Kind:
    """Returns the kind of opponents that a name in full belongs to.

    Raises:
        UnknownName: there is none.
    """
    word = name.partition(":")[0]
    if word not in OPPONENTS:
        raise UnknownName("opponent", word, OPPONENTS)
    return OPPONENTS[word]


def opening_moves_against(opponent: Opponent | None, asked_for: int | None) -> int:
    """Returns the random plies that games start with.

    Args:
        opponent: who is played, None where one plays alone.
        asked_for: what the user wants; None for what suits the opponent.

    Raises:
        UserError: opening moves before a walk of every line, which has none, or where there is no opponent.
    """
    if asked_for and opponent is None:
        raise UserError(f"{asked_for} opening moves are for games against an opponent, but here one plays alone: leave them out.")
    if asked_for and opponent is not None and opponent.name == EXHAUSTIVE_OPPONENT:
        raise UserError(
            f"opponent '{opponent.name}' is given every line from the first move, not {asked_for} opening moves: leave them out."
        )
    if asked_for is not None:
        return asked_for
    return 0 if opponent is None else kind_of(opponent.name).opening_moves


def make_opponent(
    name: str, env_config: EnvConfig, *, in_run: bool, device: str | None = None, on_wait: Callable[[], object] = lambda: None
) -> Opponent:
    """Returns the opponent of that name; close it at the end. No other program is started before its first move.

    Args:
        name: its name, for example "alphabeta:depth=5"; the opponent's own name has the defaults too.
        env_config: the world it plays.
        in_run: whether it is met inside a run.
        device, on_wait: see `Order`.

    Raises:
        UnknownName: there is no such opponent.
        UserError: it cannot play this world, or does not know what stands behind the colon.
        MachineProblem: its program is not installed.
    """
    kind = kind_of(name)
    if in_run and not kind.is_for_runs:
        raise UserError(f"opponent '{name}' cannot be met inside a run, whose evaluator has no torch: use muzero eval --opponent {name}.")
    return kind.make(Order(name, name.partition(":")[2], env_config, device, on_wait))


@contextmanager
def open_opponent(
    name: str, env_config: EnvConfig, *, in_run: bool, device: str | None = None, on_wait: Callable[[], object] = lambda: None
) -> Iterator[Opponent | None]:
    """Gives the opponent of that name, or None where one plays alone, and closes it at the end; arguments as of `make_opponent`."""
    if make_game(env_config).spec.num_players == 1:
        yield None
        return
    with closing(make_opponent(name, env_config, in_run=in_run, device=device, on_wait=on_wait)) as opponent:
        yield opponent
