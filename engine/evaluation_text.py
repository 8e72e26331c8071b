"""The latest evaluation of a status in a few words, as the screen and the events say it; how one is held is in `evaluation.py`."""

from engine.status import Status
from muzero.match_result import NO_OPPONENT


def evaluation_text(status: Status) -> str:
    """Returns how the latest evaluation ended, over how many games and against whom: "score 0.95 in 20 games vs random".

    Args:
        status: of a run that has held one.
    """
    if status.losing_lines >= 0:
        return f"{status.losing_lines:,} losing lines vs {status.opponent}"
    if status.opponent == NO_OPPONENT:
        return f"mean return {_short(status.score)} in {status.evaluated_games:,} episodes"
    return f"score {_short(status.score)} in {status.evaluated_games:,} games vs {status.opponent}"


def _short(value: float) -> str:
    return f"{round(value, 3):g}"
