"""Sorting of policies, the pool of hidden states, and the example that uses both."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from muzero.search import FunctionModel, top_priors
from muzero.types import InitialRequest, RecurrentRequest
from tests.muzero.search.table_model import observe

REPOSITORY = Path(__file__).resolve().parents[3]


def test_top_priors_are_the_largest_of_a_softmax_over_all_actions():
    logits = np.log(np.array([[0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.25, 0.25]]))

    prior, action = top_priors(logits, 2)

    np.testing.assert_allclose(prior, [[0.4, 0.3], [0.25, 0.25]], rtol=1e-6)
    np.testing.assert_array_equal(action, [[1, 3], [0, 1]])
    assert (prior.dtype, action.dtype) == (np.float32, np.int32)


def test_hidden_states_are_continued_from_the_parent_that_is_named():
    def initial(observation):
        return observation.frames[:, 0, 0], np.zeros(2), np.zeros((2, 3))

    def recurrent(hidden, action):
        return 10 * hidden + action, hidden, np.zeros(2), np.zeros((2, 3))

    model = FunctionModel(initial, recurrent, num_nodes=3, num_priors=3)
    model.initial_inference(InitialRequest(observe(np.array([1, 2]))))
    model.recurrent_inference(RecurrentRequest(np.array([0, 0], np.int32), np.array([1, 2], np.int32), 1))

    reply = model.recurrent_inference(RecurrentRequest(np.array([0, 1], np.int32), np.array([0, 0], np.int32), 2))

    np.testing.assert_array_equal(reply.reward, [1, 22])


def test_the_example_runs_without_torch():
    program = "import runpy, sys; runpy.run_path('examples/search_alone.py'); assert 'torch' not in sys.modules"

    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, timeout=100)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("start  visits")
    assert len(done.stdout.splitlines()) == 4
