"""The verdict, by figures of runs whose limit is known: what it names and which setting it says would move it."""

from dataclasses import replace

import pytest

from engine.verdict import Limit, Load, judge

BALANCED = Load(
    num_actors=4,
    games_per_actor=8,
    num_servers=1,
    replay_ratio=2.0,
    learner_steps=1000,
    learner_busy=0.5,
    learner_paused=0.0,
    fresh_waited=0.0,
    data_waited=0.0,
    actors_paused=0.0,
    actors_waiting=0.3,
    device="cuda:0",
    device_busy=0.4,
    server_busy=0.5,
    mean_batch=16.0,
    num_cores=8.0,
    idle_cores=3.0,
    cores_of={"learner": 1.0, "server": 1.0, "actors": 3.0},
    learner_device="cuda:0",
    parts={},
)


def limit_and_sentence(**changes: object) -> tuple[Limit, str]:
    verdict = judge(replace(BALANCED, **changes))  # type: ignore[arg-type]
    return verdict.limit, verdict.sentence


def test_too_few_actors_leave_server_and_cores_idle() -> None:
    limit, sentence = limit_and_sentence(learner_busy=0.4, learner_paused=0.6, device_busy=0.38)
    assert limit == Limit.ACTORS
    assert "the device is idle 62% of the time and 3.0 of 8 cores are idle: give more --actors (now 4)" in sentence


def test_too_slow_a_device_is_busy_all_the_time() -> None:
    limit, sentence = limit_and_sentence(device_busy=0.97, server_busy=0.99, learner_paused=0.95, actors_waiting=0.9)
    assert limit == Limit.DEVICE
    assert "(cuda:0) is the limit: it is busy 97%" in sentence and "--games-per-actor" in sentence and "--simulations" in sentence


def test_a_slow_device_with_full_batches_needs_a_faster_one() -> None:
    _, sentence = limit_and_sentence(device_busy=0.97, mean_batch=512.0)
    assert "--games-per-actor" not in sentence and "inference.precision=bfloat16" in sentence


def test_too_slow_a_learner_makes_the_actors_pause() -> None:
    limit, sentence = limit_and_sentence(actors_paused=0.63, learner_busy=0.98, learner_device="cpu")
    assert limit == Limit.LEARNER
    assert "pauses the actors for 63% of theirs, so that more actors will not train faster" in sentence
    assert "--learner-device cuda" in sentence and "--set replay.replay_ratio, now 2" in sentence


def test_a_learner_whose_cores_other_programs_take_is_not_to_blame() -> None:
    taken = {"idle_cores": 0.0, "cores_of": {"learner": 0.5, "actors": 0.5}}
    limit, sentence = limit_and_sentence(actors_paused=0.3, learner_busy=0.98, learner_device="cpu", **taken)
    assert limit == Limit.CORES and "other programs take 7.0 of 8: end them" in sentence
    assert limit_and_sentence(actors_paused=0.3, learner_busy=0.98, **taken)[0] == Limit.LEARNER


def test_the_replay_ratio_is_reached_where_no_number_of_actors_could_feed_the_learner() -> None:
    full = {"idle_cores": 0.1, "cores_of": {"actors": 6.9, "server": 1.0}}
    limit, sentence = limit_and_sentence(learner_paused=0.95, replay_ratio=0.1, **full)
    assert limit == Limit.REPLAY_RATIO
    assert "The replay ratio of 0.1 is reached: the learner pauses 95% of the time" in sentence
    assert "More actors will not" in sentence and "20 times the games" in sentence and "raise --set replay.replay_ratio" in sentence


def test_a_paused_learner_that_idle_cores_could_feed_needs_actors() -> None:
    idle = {"idle_cores": 100.0, "num_cores": 128.0, "cores_of": {"actors": 4.0, "server": 1.0}}
    assert limit_and_sentence(learner_paused=0.9, device_busy=0.05, **idle)[0] == Limit.ACTORS


def test_a_device_near_its_end_bounds_what_idle_cores_could_bring() -> None:
    load = replace(BALANCED, device_busy=0.8, idle_cores=100.0)
    assert load.possible_growth == 1.25
    assert limit_and_sentence(device_busy=0.8, idle_cores=100.0, learner_paused=0.9)[0] == Limit.REPLAY_RATIO


@pytest.mark.parametrize(
    ("cores_of", "words"),
    [
        ({"server": 5.0, "actors": 3.0}, "most with the server (5.0): a GPU (--device cuda)"),
        ({"learner": 5.0, "actors": 3.0}, "most with the learner (5.0): a GPU (--learner-device cuda)"),
        ({"learner": 1.0, "actors": 7.0}, "most with the actors (7.0): more cores"),
        ({"learner": 1.0, "actors": 1.0}, "other programs take 6.0 of 8"),
    ],
)
def test_busy_cores_are_told_with_who_takes_them(cores_of: dict[str, float], words: str) -> None:
    limit, sentence = limit_and_sentence(idle_cores=0.0, cores_of=cores_of)
    assert limit == Limit.CORES
    assert words in sentence


def test_a_busy_network_on_the_cores_of_all_roles_is_their_limit_only_while_cores_are_idle() -> None:
    limit, sentence = limit_and_sentence(device="cpu", device_busy=0.95)
    assert limit == Limit.DEVICE and "--set inference.num_threads" in sentence
    assert limit_and_sentence(device="cpu", device_busy=0.95, idle_cores=0.0)[0] == Limit.CORES


def test_a_server_that_is_busy_beside_an_idle_device_needs_larger_requests() -> None:
    limit, sentence = limit_and_sentence(server_busy=0.96, device_busy=0.35)
    assert limit == Limit.SERVER
    assert "its device only 35%" in sentence and "--games-per-actor, now 8" in sentence


def test_a_learner_without_its_data_is_told_apart_from_one_that_must_pause() -> None:
    limit, sentence = limit_and_sentence(data_waited=0.3, actors_paused=0.5)
    assert limit == Limit.DATA and "--set learner.prefetch_batches" in sentence
    limit, sentence = limit_and_sentence(fresh_waited=0.3)
    assert limit == Limit.REANALYSIS and "--reanalyzers" in sentence


def test_before_learning_begins_nothing_is_judged() -> None:
    assert limit_and_sentence(learner_steps=0, learner_paused=1.0)[0] == Limit.START


def test_one_process_is_told_by_its_parts() -> None:
    limit, sentence = limit_and_sentence(num_actors=0, parts={"training": 0.3, "search and games": 0.6, "reanalysis": 0.001})
    assert limit == Limit.ONE_PROCESS
    assert "(search and games 60%, training 30% of the time): --actors 2" in sentence


def test_a_learner_as_fast_as_its_actors_is_the_limit_of_both() -> None:
    limit, sentence = limit_and_sentence(learner_busy=0.95)
    assert limit == Limit.LEARNER and "busy 95% of the time, and the actors keep up with it" in sentence
    assert limit_and_sentence(learner_busy=0.8)[0] == Limit.ACTORS
