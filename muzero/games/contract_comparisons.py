"""The rules for positions of a game that must be alike: repeated, copied, turned, or reached another way.

Like those of `contract_checks.py` each function says what it saw, and raises a UserError with one sentence if the rule is broken.
"""

import numpy as np

from muzero.config import require
from muzero.games.contract_checks import Exhibit, complaint_about
from muzero.games.contract_episodes import Episode, Position, go_to, look, play, play_at_random, replay
from muzero.games.game import BoardGame, Game
from muzero.symmetries import Symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec

NUM_REPEATED = 3
NUM_OPENINGS, OPENING_MOVES = 40, 6
NUM_BRANCHED = 5
"""Positions of an episode in which every legal action is tried."""
MAX_REPLAYED_MOVES = 20
"""A game that cannot be copied is played again from its start to try an action, so only early positions are tried."""


def episodes_follow_from_seed_and_actions(exhibit: Exhibit) -> str:
    """Plays the first episodes again, in the same object after another episode, and in a new one."""
    chosen = exhibit.watched[:NUM_REPEATED]
    for episode in chosen:
        play_at_random(exhibit.game, episode.seed + 1, max_moves=5)
        for game, whose in ((exhibit.game, "in the same object after another episode"), (exhibit.make(), "in a new object")):
            _compare(game, episode, whose)
    return f"{len(chosen)} episodes played again in the same object and in a new one"


def _compare(game: Game, episode: Episode, whose: str) -> None:
    again = replay(game, episode.seed, episode.actions)
    for ply, ((position, step), before) in enumerate(zip(again, episode.positions, strict=True)):
        different = before.differs_from(position)
        require(not different, f"seed {episode.seed}, played again {whose}: {different} came out differently after {ply} moves.")
        require(
            step is None or step == episode.steps[ply - 1],
            f"seed {episode.seed}, played again {whose}: move {ply} gave {step} instead of {episode.steps[ply - 1]}.",
        )


def symmetries_keep_the_rules(exhibit: Exhibit) -> str:
    """Plays transformed episodes and compares them with the transformed positions.

    A symmetry that changes the first position (in Othello a quarter turn swaps the colours in the centre) leads to positions no game
    reaches: it is counted, not played.
    """
    game = exhibit.game
    symmetries = checked_symmetries(game)
    num_played = 0
    for index in range(1, len(symmetries)):
        start = exhibit.watched[0].positions[0]
        if transformed(start, symmetries, index).differs_from(start):
            continue
        num_played += 1
        for episode in exhibit.watched[:NUM_REPEATED]:
            _compare_transformed(game, episode, symmetries, index)
    if len(symmetries) == 1:
        return "the identity alone"
    not_played = len(symmetries) - 1 - num_played
    others = f"; {not_played} more change the first position and cannot be played" if not_played else ""
    return f"the identity and {num_played} more that were played{others}"


def _compare_transformed(game: Game, episode: Episode, symmetries: Symmetries, index: int) -> None:
    actions = [int(symmetries.action[index, action]) for action in episode.actions]
    for ply, (position, step) in enumerate(replay(game, episode.seed, actions)):
        where = f"symmetry {index}, seed {episode.seed}, after {ply} moves:"
        expected = transformed(episode.positions[ply], symmetries, index)
        require(not (different := expected.differs_from(position)), f"{where} {different} is not that of the transformed position.")
        require(step is None or step == episode.steps[ply - 1], f"{where} {step} is not {episode.steps[ply - 1]}.")


def checked_symmetries(game: Game) -> Symmetries:
    """Returns the symmetries of a game, whose tables must be permutations and begin with the identity."""
    symmetries, spec = game.symmetries(), game.spec
    kind = type(symmetries).__name__
    require(isinstance(symmetries, Symmetries), f"symmetries() must return a muzero.symmetries.Symmetries, not {kind}.")
    for name, table, size in (("cell", symmetries.cell, int(np.prod(spec.frame_shape))), ("action", symmetries.action, spec.num_actions)):
        everything = np.arange(size)
        is_integer = isinstance(table, np.ndarray) and table.dtype.kind in "iu"
        is_table = is_integer and table.shape == (len(symmetries) or 1, size) and (np.sort(table, axis=1) == everything).all()
        require(bool(is_table), f"symmetries().{name} must be an integer table [G, {size}] whose rows are permutations.")
        require((table[0] == everything).all(), f"symmetries().{name} must begin with the identity.")
    return symmetries


def transformed(position: Position, symmetries: Symmetries, index: int) -> Position:
    """Returns what a position must look like under a symmetry."""
    frame: FrameArray = position.frame.reshape(-1)[symmetries.cell[index]].reshape(position.frame.shape)
    legal_actions: BoolArray = np.empty_like(position.legal_actions)
    legal_actions[symmetries.action[index]] = position.legal_actions
    return Position(frame, legal_actions, position.to_play)


def every_action_looks_different(exhibit: Exhibit) -> str:
    """Checks the action planes and compares them with one another."""
    planes = checked_action_planes(exhibit.game)
    rows = [row.tobytes() for row in planes]
    if len(set(rows)) < len(rows):
        twin = next(index for index, row in enumerate(rows) if rows.index(row) < index)
        require(False, f"action_planes() shows actions {rows.index(rows[twin])} and {twin} alike: no two may look the same.")
    _moves_show_their_points(exhibit.game.spec, planes)
    return f"{len(rows)} actions as {list(planes.shape[1:])}"


def _moves_show_their_points(spec: GameSpec, planes: Float32Array) -> None:
    """Checks that moves which have points, see GameSpec.moves_per_point, are numbered as their planes show them."""
    count = spec.moves_per_point
    if count == 0 or not spec.action_shape:
        return
    cells = planes.reshape(*planes.shape[:2], -1)
    point = np.arange(count * cells.shape[2]) // count
    shown = cells[np.arange(len(point)), :, point] > cells[: len(point)].min(axis=2)
    wrong = np.flatnonzero(~shown.any(axis=1))
    if wrong.size:
        action = int(wrong[0])
        row, column = divmod(int(point[action]), spec.board_shape[1])
        require(
            False,
            f"spec.moves_per_point is {count}, so action {action} belongs to row {row}, column {column}, but action_planes() shows it "
            "elsewhere: number actions as GameSpec says, or set 0.",
        )


def checked_action_planes(game: Game) -> Float32Array:
    """Returns the action planes of a game, whose type, shape and numbers must be those of its spec."""
    spec, planes = game.spec, game.action_planes()
    shape = (spec.num_actions, *(spec.action_shape or (spec.num_actions,)))
    kind = f"{getattr(planes, 'dtype', type(planes).__name__)} {getattr(planes, 'shape', '')}"
    is_table = isinstance(planes, np.ndarray) and planes.dtype == np.float32 and planes.shape == shape
    require(is_table, f"action_planes() must be float32 {shape}, not {kind}: {_remedy(spec, planes)}.")
    require(bool(np.isfinite(planes).all()), "action_planes() holds numbers that are not finite.")
    return planes


def _remedy(spec: GameSpec, planes: object) -> str:
    """Returns what to set so that planes and spec.action_shape agree."""
    if spec.action_shape:
        return f"give each action its {spec.action_shape}, or leave out spec.action_shape, which shows actions by their number"
    shape = f" to {planes.shape[1:]}" if isinstance(planes, np.ndarray) and planes.ndim == 4 else ""
    return f"set spec.action_shape{shape}, or leave out action_planes, which shows actions by their number"


def legal_actions_can_be_played(exhibit: Exhibit) -> str:
    """Plays every legal action of some positions, each from a copy of the position."""
    num_played, num_positions = 0, 0
    for episode in exhibit.watched[:NUM_REPEATED]:
        longest = len(episode.actions) - 1
        if not isinstance(exhibit.game, BoardGame):
            longest = min(longest, MAX_REPLAYED_MOVES)
        for ply in sorted({int(longest * share) for share in np.linspace(0.0, 1.0, NUM_BRANCHED)} if longest >= 0 else ()):
            num_played += _try_every_action(exhibit, episode, ply)
            num_positions += 1
    return f"{num_played} actions tried in {num_positions} positions"


def _try_every_action(exhibit: Exhibit, episode: Episode, ply: int) -> int:
    """Returns how many actions are legal in one position of an episode, after playing each of them in it."""
    game, spec, prefix = exhibit.game, exhibit.game.spec, episode.actions[:ply]
    legal = np.flatnonzero(go_to(game, episode.seed, prefix).legal_actions).tolist()
    for action in legal:
        if isinstance(game, BoardGame):
            child: Game = game.clone()
        else:
            go_to(child := game, episode.seed, prefix)
        where = f"seed {episode.seed}, after {ply} moves and legal action {action}:"
        step, after = play(child, action), look(child)
        is_over = step.is_terminal or step.is_truncated
        require(not (complaint := complaint_about(after.frame, spec)), f"{where} {complaint}.")
        require(is_over or bool(after.legal_actions.any()), f"{where} nothing is legal, but the game is not over.")
        turn = (episode.players[0] + ply + 1) % spec.num_players
        require(
            is_over or after.to_play == turn, f"{where} player {after.to_play} is to move: it must be player {turn}, players alternate."
        )
    return len(legal)


def copies_are_independent(exhibit: Exhibit) -> str:
    """Plays in copies and looks at the originals."""
    game = exhibit.game
    if not isinstance(game, BoardGame):
        return "no key and clone: not looked at"
    for episode in exhibit.watched[:NUM_REPEATED]:
        for ply in range(0, len(episode.actions), max(1, len(episode.actions) // NUM_BRANCHED)):
            before, key, twin = go_to(game, episode.seed, episode.actions[:ply]), game.key(), game.clone()
            where = f"seed {episode.seed}, after {ply} moves:"
            require(not (different := before.differs_from(look(twin))), f"{where} a clone has another {different}.")
            require(twin.key() == key, f"{where} a clone has another key.")
            play(twin, episode.actions[ply])
            require(not (different := before.differs_from(look(game))), f"{where} playing in a clone changed {different} of the original.")
            require(
                game.key() == key != twin.key(), f"{where} after a move in a clone the keys must differ, and the original's be the same."
            )
    return "copied and played in"


def equal_positions_look_equal(exhibit: Exhibit) -> str:
    """Reaches positions by two orders of moves and compares what equal keys show: a frame that shows something hidden differs."""
    game = exhibit.game
    if not isinstance(game, BoardGame):
        return "no key and clone: not looked at"
    num_pairs = 0
    for seed in range(NUM_OPENINGS):
        actions = play_at_random(game, seed, is_watched=False, max_moves=OPENING_MOVES).actions
        here, key = look(game), game.key()
        for first in range(len(actions) - 2):
            other = [*actions]
            other[first], other[first + 2] = other[first + 2], other[first]
            there = _reach(game, seed, other)
            if other == actions or there is None or game.key() != key:
                continue
            num_pairs += 1
            is_same = np.array_equal(here.frame, there.frame) and here.to_play == there.to_play
            require(is_same, f"actions {actions} and {other} lead to the same key, but to other frames.")
    return f"{num_pairs} positions reached by two orders of moves"


def _reach(game: Game, seed: int, actions: list[int]) -> Position | None:
    """Returns the position these actions lead to, or None if one of them is not legal."""
    game.reset(seed)
    for action in actions:
        if not look(game).legal_actions[action]:
            return None
        play(game, action)
    return look(game)
