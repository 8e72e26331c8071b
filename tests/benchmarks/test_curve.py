"""The course of a run, read from what it wrote, also where parts of it were killed."""

import json
from pathlib import Path
from typing import Any

from benchmarks.curve import course_of
from benchmarks.result import Reached


def evaluation(seconds: float, env_steps: int, score: float, **more: Any) -> str:
    line = {"learner_steps": env_steps // 2, "env_steps": env_steps, "training_games": env_steps // 10, "run_seconds": seconds}
    return json.dumps(line | {"seconds": 30.0, "evaluation_score": score, "opponent": "random", "games": 20, "losing_lines": -1} | more)


def metrics(seconds: float, env_steps: int) -> str:
    return json.dumps({"run_seconds": seconds, "env_steps": env_steps, "games": 7, "learner_steps": 9})


def write(run_dir: Path, name: str, *lines: str) -> None:
    (run_dir / name).write_text("\n".join(lines))


def test_totals_are_those_of_the_last_whole_line(tmp_path: Path) -> None:
    write(tmp_path, "metrics.jsonl", metrics(60.0, 10), metrics(90.0, 15), metrics(91.0, 16)[:30])
    course = course_of(tmp_path)
    assert (course.minutes, course.env_steps, course.games, course.learner_steps) == (1.5, 15, 7, 9)


def test_each_evaluation_is_a_point_of_the_curve(tmp_path: Path) -> None:
    write(tmp_path, "evaluations.jsonl", evaluation(60.0, 100, 0.5), evaluation(120.0, 250, -3.0, losing_lines=3))
    first, second = course_of(tmp_path).curve
    assert (first.minutes, first.env_steps, first.games, first.learner_steps, first.score) == (1.0, 100, 10, 50, 0.5)
    assert (first.opponent, first.evaluation_games, first.losing_lines, second.losing_lines) == ("random", 20, None, 3)


def test_a_move_that_holds_its_action_is_several_environment_steps(tmp_path: Path) -> None:
    write(tmp_path, "config.toml", '[env]\nname = "lunarlander"\n[env.kwargs]\nframe_skip = 4')
    write(tmp_path, "metrics.jsonl", metrics(90.0, 15))
    write(tmp_path, "evaluations.jsonl", evaluation(60.0, 10, 0.5))
    course = course_of(tmp_path)
    assert (course.env_steps, course.learner_steps, course.curve[0].env_steps) == (60, 9, 40)
    assert course.reached(0.5) == Reached(minutes=1.5, env_steps=40, learner_steps=5)


def test_what_a_killed_part_had_not_saved_is_not_on_the_curve(tmp_path: Path) -> None:
    killed = (evaluation(60.0, 100, 0.5), evaluation(120.0, 250, 0.7), evaluation(180.0, 400, 0.9))
    write(tmp_path, "evaluations.jsonl", *killed, evaluation(240.0, 200, 0.6), evaluation(300.0, 350, 0.7))
    assert [(point.minutes, point.env_steps) for point in course_of(tmp_path).curve] == [(1.0, 100), (4.0, 200), (5.0, 350)]


def test_the_target_is_reached_when_the_first_good_evaluation_ends(tmp_path: Path) -> None:
    write(tmp_path, "evaluations.jsonl", evaluation(60.0, 100, 0.5), evaluation(120.0, 200, 0.8), evaluation(180.0, 300, 0.9))
    course = course_of(tmp_path)
    assert course.reached(0.8) == Reached(minutes=2.5, env_steps=200, learner_steps=100)
    assert course.reached(0.95) is None
    assert course.reached(None) is None


def test_a_run_that_wrote_nothing_has_no_course(tmp_path: Path) -> None:
    course = course_of(tmp_path)
    assert (course.minutes, course.env_steps, course.curve) == (0.0, 0, ())
