"""What an exception says, short enough for a sentence to the user; nothing is raised here."""


def reason_of(error: BaseException) -> str:
    """Returns type and first line of an exception, without a full stop: "ValueError: out of luck"."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
