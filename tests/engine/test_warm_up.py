"""The warm-up process finds out what the supervisor must not import torch for, and hands on what is wrong."""

import msgspec
import numpy as np
import pytest

from engine.batch_staging import Staging, stage_recurrent
from engine.batching import Pending
from engine.learning import network_size
from engine.messages import Header, Kind
from engine.processes import warm_up as warm_up_process
from engine.replay import Replay
from engine.run_parts import make_wire
from engine.warm_up import WarmUp, warm_up
from muzero.errors import MuZeroError, UserError
from muzero.games import make_game
from muzero.types import Batch, RecurrentRequest
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


def test_it_stages_a_request_as_the_server_will_so_that_the_server_compiles_nothing() -> None:
    warm_up_process.compile_staging(CONFIG, make_game(CONFIG.env).spec)
    before = dict(stage_recurrent.stats.cache_hits), len(stage_recurrent.signatures)  # type: ignore[attr-defined]
    wire = make_wire(CONFIG, make_game(CONFIG.env).spec)
    client, header = wire.clients[1], Header(Kind.RECURRENT, 1, 9, 2, 3)
    request = RecurrentRequest(np.full(client.num_trees, 2, np.int32), np.zeros(client.num_trees, np.int32), 3)
    Staging(wire, 100).fill([Pending(b"actor", header, client, wire.request_message(header, request))])
    assert (dict(stage_recurrent.stats.cache_hits), len(stage_recurrent.signatures)) == before  # type: ignore[attr-defined]


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
