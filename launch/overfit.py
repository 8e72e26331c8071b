"""What `muzero-launch --overfit-batch` prints, and its exit code. The self-test itself is `engine/overfit.py`."""

import json
from dataclasses import asdict

import click

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.overfit import DEFAULT_STEPS, HEADS, PASSED_SHARE, Progress, overfit_batch


def run_overfit(config: RunConfig, *, json_logs: bool) -> None:
    """Runs the self-test, with a line of progress every so often and a sentence at the end.

    Args:
        config: the run that is tested.
        json_logs: one JSON object per line instead.

    Raises:
        RunFailed: a head did not learn its targets; the sentence says which.
    """
    end = overfit_batch(config, lambda progress: _show(progress, json_logs=json_logs))
    if end.unlearnt:
        raise RunFailed(failure(end))
    verdict = f"{config.env.name} learns: every head knows the batch after {end.step} steps ({_shares(end)} of the excess loss left)."
    click.echo(json.dumps({"event": "verdict", "text": verdict}) if json_logs else verdict)


def failure(end: Progress) -> str:
    """Returns the sentence for a test that did not pass: which heads, how far they came, what to do."""
    left = ", ".join(f"{head} {end.share[head]:.0%} ({end.excess[head]:.3g} above its floor)" for head in end.unlearnt)
    remedy = (
        f"that were few, and the learning rate has fallen with them: give {DEFAULT_STEPS} --steps"
        if end.step < DEFAULT_STEPS
        else "give more --steps, another training.learning_rate or a larger network, or check the world's observations, rewards and action "
        "planes"
    )
    return f"the batch was not learnt in {end.step} steps, of the excess loss is left: {left}, at most {PASSED_SHARE:.0%} may be; {remedy}."


def _show(progress: Progress, *, json_logs: bool) -> None:
    click.echo(json.dumps({"event": "overfit", **asdict(progress)}) if json_logs else f"step {progress.step}: {_shares(progress)} left")


def _shares(progress: Progress) -> str:
    return ", ".join(f"{head} {progress.share[head]:.1%}" for head in HEADS)
