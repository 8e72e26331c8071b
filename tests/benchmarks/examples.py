"""Results, points and scores as a measurement writes them, with what a test changes. No assertions."""

from typing import Any

import msgspec

from benchmarks.result import Machine, Part, Point, Reached, Result, Score

MACHINE = Machine(cpu="A CPU", cores=2, memory_gib=15.6, gpu=None, os="Debian", python="3.11.9", torch="2.13.0")
PART = Part(started="2026-01-01T00:00:00+00:00", command="muzero-launch --env go5", commit="0123456789abcdef", is_clean=True)


def point(minutes: float, env_steps: int, score: float, losing_lines: int | None = None) -> Point:
    """Returns an evaluation during a run."""
    return Point(
        minutes=minutes,
        env_steps=env_steps,
        games=env_steps // 10,
        learner_steps=env_steps // 2,
        score=score,
        opponent="random",
        evaluation_games=20,
        losing_lines=losing_lines,
    )


def score(value: float | None, **changes: Any) -> Score:
    """Returns a score of 0.75 points against a random player, or what is changed in it."""
    example = Score(
        measure="score",
        value=value,
        low=0.6,
        high=0.9,
        opponent="random",
        games=20,
        wins=14,
        draws=2,
        losses=4,
        simulations=None,
        minute=None,
        minute_before=None,
        learner_steps=500,
        seconds=3.5,
        target=">= 0.7",
        is_met=True,
        command="muzero eval runs/a-s1 --opponent random --json",
    )
    return msgspec.structs.replace(example, **changes)


def result(name: str, seed: int, **changes: Any) -> Result:
    """Returns a result of a row of five minutes, or what is changed in it."""
    example = Result(
        name=name,
        family=name,
        claim=f"The claim of {name}.",
        seed=seed,
        limit_minutes=5.0,
        commit=PART.commit,
        is_clean=True,
        machine=MACHINE,
        started=PART.started,
        parts=(PART,),
        minutes=4.5,
        env_steps=1000,
        games=100,
        learner_steps=500,
        scores=(score(0.75),),
        reach_score=0.7,
        reached=Reached(minutes=3.25, env_steps=800, learner_steps=400),
        max_env_steps=None,
        compared_to=None,
        is_met=True,
        plots=("curve",),
        curve=(point(1.0, 300, 0.4), point(3.0, 800, 0.8)),
    )
    return msgspec.structs.replace(example, **changes)
