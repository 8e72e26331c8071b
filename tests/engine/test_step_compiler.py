"""A machine without a C++ compiler is told so in a sentence."""

import pytest
import torch
import torch._inductor.config

from engine.batch_buffers import make_batch_buffers
from engine.errors import MachineProblem
from engine.learning import make_trainer
from engine.step_compiler import compile_step
from muzero.games import make_game
from tests.engine.run_examples import tiny_config


def test_without_a_compiler_the_run_says_what_to_install() -> None:
    config = tiny_config(learner={"compile": True, "device": "cpu"})
    game = make_game(config.env)
    nothing = torch._inductor.config.patch({"cpp.cxx": (None, "/nonexistent/compiler"), "force_disable_caches": True})
    with nothing, pytest.raises(MachineProblem, match="install g\\+\\+ and Python's headers .*learner.compile=false"):
        compile_step(make_trainer(config, game, torch.device("cpu")), make_batch_buffers(game.spec, config.training, 9))
