"""Reads what stands behind the colon of an opponent's name: numbers by name, or a command or path with options after it."""

from collections.abc import Mapping

from muzero.errors import UnknownName, UserError


def no_text(name: str, text: str) -> None:
    """Raises UserError unless nothing is said behind the name of an opponent that takes nothing."""
    if text:
        raise UserError(f"opponent '{name}' takes nothing behind its name: write '{name.partition(':')[0]}'.")


def numbers_of(name: str, text: str, defaults: Mapping[str, int]) -> dict[str, int]:
    """Returns the numbers in "key=1,other=2", the rest as by default.

    Args:
        name: the opponent's name in full, for messages.
        text: what to read.
        defaults: all keys with their values.

    Raises:
        UserError: the text is not of that form.
        UnknownName: a key is none of these.
    """
    numbers = dict(defaults)
    for part in filter(None, text.split(",")):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key not in defaults:
            raise UnknownName(f"option of opponent {name.partition(':')[0]}", key, defaults)
        numbers[key] = whole_number(name, key, value if equals else "")
    return numbers


def in_full(name: str, numbers: Mapping[str, int]) -> str:
    """Returns the name of an opponent with all its numbers, as results show it: "alphabeta" is "alphabeta:depth=5"."""
    return f"{name.partition(':')[0]}:{','.join(f'{key}={number}' for key, number in numbers.items())}"


def whole_number(name: str, key: str, value: str) -> int:
    """Returns the value of an option as a number, whose range is for others to judge."""
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise UserError(f"opponent '{name}' has {key} '{value}': write a whole number, for example {key}=1.")
    return int(value)


def positive_number(name: str, key: str, value: str) -> int:
    """Returns the value of an option as a number of 1 or more."""
    number = whole_number(name, key, value)
    if number < 1:
        raise UserError(f"opponent '{name}' has {key} {number}: set at least 1.")
    return number


def text_and_options(name: str, text: str) -> tuple[str, dict[str, str]]:
    """Returns (what stands before the first semicolon, the options "key=value" behind it, in order).

    Args:
        name: the opponent's name in full, for messages.
        text: for example "stockfish;nodes=100;Skill Level=3".

    Raises:
        UserError: nothing stands before the semicolon, or an option has no value.
    """
    first, *parts = (part.strip() for part in text.split(";"))
    if not first:
        word = name.partition(":")[0]
        raise UserError(f"opponent '{name}' names nothing to play with: write {word}:{'PATH' if word == 'checkpoint' else 'COMMAND'}.")
    options = {}
    for part in filter(None, parts):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not (key and equals and value):
            raise UserError(f"opponent '{name}' has the option '{part}': write KEY=VALUE.")
        options[key] = value
    return first, options
