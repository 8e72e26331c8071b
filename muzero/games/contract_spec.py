"""The rules for what a game says of itself, its `spec`; how it plays is looked at in `contract_checks.py`.

A rule that is broken raises a UserError with one sentence.
"""

import math
from math import prod

from muzero.config import require
from muzero.games.game import Game
from muzero.types import GameSpec

METHODS = ("reset", "to_play", "legal_actions", "frame", "step", "action_planes", "symmetries")
FRAME_TYPES = {
    "vector": ("float32", 1),
    "board": ("int8", 2),
    "planes": ("float32", 3),
    "image": ("uint8", 3),
    "image_actions": ("uint8", 1),
    "chess": ("int8", 1),
    "shogi": ("int8", 1),
}
"""Encoding -> dtype and number of axes of its frames."""


def has_spec_and_methods(game: Game) -> str:
    """Checks that everything the engine calls is there."""
    spec = getattr(game, "spec", None)
    require(isinstance(spec, GameSpec), f"the attribute spec must be a muzero.types.GameSpec, not {type(spec).__name__}.")
    for method in METHODS:
        require(callable(getattr(game, method, None)), f"the method {method} is missing.")
    return type(game).__name__


def spec_agrees_with_itself(spec: GameSpec) -> str:
    """Checks counts, bounds, and that shapes and dtype are those of the encoding."""
    require(spec.num_players in (1, 2), f"spec.num_players is {spec.num_players}: a game has 1 or 2 players.")
    for field in ("num_actions", "num_frames", "max_moves"):
        count = getattr(spec, field)
        require(type(count) is int and count >= 1, f"spec.{field} is {count!r}: it must be a whole number of at least 1.")
    require(spec.encoding in FRAME_TYPES, f"spec.encoding is {spec.encoding!r}: known are {', '.join(FRAME_TYPES)}.")
    _frame_fits_encoding(spec)
    _board_shape_fits_frame(spec)
    planes = spec.action_shape
    fits = planes == () or (len(planes) == 3 and planes[0] >= 1 and planes[1:] == spec.board_shape)
    require(fits, f"spec.action_shape is {planes}: it must be () or (C, H, W) with the (H, W) of board_shape {spec.board_shape}.")
    _moves_have_their_points(spec)
    bounds = spec.value_bounds
    require(
        bounds is not None or spec.num_players == 1, "spec.value_bounds is None: a game for two must know its lowest and highest return."
    )
    require(
        bounds is None or (math.isfinite(bounds[0]) and bounds[0] < bounds[1] < math.inf),
        f"spec.value_bounds is {bounds}: it must be (lowest, highest).",
    )
    players = f"{spec.num_players} player{'s' if spec.num_players == 2 else ''}"
    return f"{players}, {spec.num_actions} actions, frame {spec.frame_dtype} {list(spec.frame_shape)}"


def _moves_have_their_points(spec: GameSpec) -> None:
    count = spec.moves_per_point
    require(type(count) is int and count >= 0, f"spec.moves_per_point is {count!r}: it must be a whole number of at least 0.")
    require(count == 0 or bool(spec.board_shape), f"spec.moves_per_point is {count}, but the game has no board: leave it out.")
    needed = count * prod(spec.board_shape)
    require(
        needed <= spec.num_actions,
        f"spec.moves_per_point is {count} on a board of {spec.board_shape}, which takes {needed} actions: there are {spec.num_actions}.",
    )


def _frame_fits_encoding(spec: GameSpec) -> None:
    dtype, num_axes = FRAME_TYPES[spec.encoding]
    is_shape = len(spec.frame_shape) == num_axes and all(type(size) is int and size >= 1 for size in spec.frame_shape)
    require(
        spec.frame_dtype == dtype and is_shape,
        f"spec has frames {spec.frame_dtype} {spec.frame_shape}: encoding {spec.encoding} needs {dtype} with {num_axes} axes.",
    )


def _board_shape_fits_frame(spec: GameSpec) -> None:
    expected = {
        "vector": (),
        "chess": (8, 8),
        "shogi": (9, 9),
        "board": spec.frame_shape,
        "image_actions": spec.board_shape if len(spec.board_shape) == 2 else (96, 96),
    }.get(spec.encoding, spec.frame_shape[1:])
    require(spec.board_shape == expected, f"spec.board_shape is {spec.board_shape}: encoding {spec.encoding} needs {expected} here.")
    if spec.encoding == "image_actions":
        channels, rest = divmod(spec.frame_shape[0] - 1, math.prod(expected))
        require(
            channels >= 1 and rest == 0,
            f"spec.frame_shape is {spec.frame_shape}: image_actions needs C * {expected[0]} * {expected[1]} + 1.",
        )
