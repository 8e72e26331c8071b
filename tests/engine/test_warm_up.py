"""The warm-up process finds out what the supervisor must not import torch for, and hands on what is wrong."""

import msgspec
import pytest

from engine.learning import network_size
from engine.processes import warm_up as warm_up_process
from engine.replay import Replay
from engine.warm_up import WarmUp, warm_up
from muzero.errors import MuZeroError, UserError
from muzero.games import make_game
from muzero.types import Batch
from tests.engine.run_examples import tiny_config

CPU = {"device": "cpu"}
CONFIG = tiny_config(inference=CPU, learner=CPU)


def test_it_finds_the_size_of_the_network_and_the_devices() -> None:
    found = warm_up(CONFIG)
    assert found is not None
    assert found == WarmUp(num_floats=network_size(CONFIG), device="cpu", learner_device="cpu", device_bytes=None)


def test_what_a_class_of_the_users_prints_does_not_spoil_the_answer() -> None:
    found = warm_up(tiny_config(env={"name": "tests.muzero.counting_game:ChattingGame"}, inference=CPU, learner=CPU))
    assert found is not None and found.num_floats > 0


def test_what_is_wrong_there_is_raised_here_with_its_exit_code() -> None:
    config = msgspec.structs.replace(CONFIG, inference=msgspec.structs.replace(CONFIG.inference, device="cuda:99"))
    with pytest.raises(MuZeroError, match="device 'cuda:99' is not there") as caught:
        warm_up(config)
    assert caught.value.exit_code == 3
    assert MuZeroError.exit_code == 1
    assert UserError.exit_code == 2


def test_it_can_be_stopped() -> None:
    assert warm_up(CONFIG, lambda: True) is None


def test_it_draws_old_and_fresh_samples_so_that_the_learner_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    class WatchedReplay(Replay):
        def sample(self, out: Batch) -> bool:
            was_drawn = super().sample(out)
            drawn.append((was_drawn, bool(out.is_fresh.all())))
            return was_drawn

    config = tiny_config(reanalyze={"fraction": 0.8})
    monkeypatch.setattr(warm_up_process, "Replay", WatchedReplay)
    warm_up_process.compile_replay(config, make_game(config.env).spec)
    assert drawn == [(True, False), (True, True)]
