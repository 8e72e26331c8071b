"""How flags are read: numbers with a lowest value, and mistakes told in one sentence. Which flags there are stands with the commands."""

from typing import Any

import click


class WholeNumber(click.IntRange):
    """A whole number with a lowest value, for example WholeNumber(min=1)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the number, or raises the sentence that says what to set."""
        return _converted(super().convert, value, param, ctx, f"a whole number of at least {self.min}")


class PositiveNumber(click.FloatRange):
    """A number above 0."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Returns the number, or raises the sentence that says what to set."""
        return _converted(super().convert, value, param, ctx, "a number above 0")


def _converted(convert: Any, value: Any, param: click.Parameter | None, ctx: click.Context | None, wanted: str) -> Any:
    try:
        return convert(value, param, ctx)
    except click.BadParameter:
        flag = param.opts[0] if param else "it"
        raise click.UsageError(f"{flag} is {value}: set {wanted}.") from None


class SentenceCommand(click.Command):
    """A command that tells a mistake in its flags as all other errors are told: one sentence, no usage above it."""

    def make_context(self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any) -> click.Context:
        """Returns the context of a call; an error in its flags has none, without which click shows the sentence alone."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            error.ctx = None
            raise


class SentenceGroup(click.Group):
    """A group whose commands are such."""

    command_class = SentenceCommand
