"""What importing a module must not bring with it, measured in fresh interpreters; the import contracts check the same statically."""

import subprocess
import sys

import pytest

WITHOUT_TORCH = [
    "muzero.games",
    "muzero.matches",
    "muzero.opponents",
    "muzero.search",
    "muzero.self_play",
    "engine.opponents",
    "engine.processes.actor",
    "engine.processes.evaluator",
    "engine.processes.reanalyzer",
]
WITHOUT_TORCH_AND_NUMBA = ["engine.supervisor", "engine.training", "engine.opponents", "launch.cli"]
WITHOUT_ENGINE = ["muzero.reanalyze", "muzero.search", "muzero.self_play", "muzero.train_step"]


def loaded_by(module: str) -> set[str]:
    """Returns the top-level packages that `import module` loads in a fresh interpreter."""
    program = f"import {module}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("module", WITHOUT_TORCH)
def test_actor_side_never_imports_torch(module: str) -> None:
    assert "torch" not in loaded_by(module)


@pytest.mark.parametrize("module", WITHOUT_TORCH_AND_NUMBA)
def test_supervisor_side_imports_neither_torch_nor_numba(module: str) -> None:
    assert not {"torch", "numba"} & loaded_by(module)


@pytest.mark.parametrize("module", WITHOUT_ENGINE)
def test_the_algorithm_imports_no_runtime(module: str) -> None:
    assert not {"engine", "launch", "zmq", "click"} & loaded_by(module)


def test_the_learner_does_import_torch() -> None:
    assert "torch" in loaded_by("engine.processes.learner")
