"""bfloat16 is chosen where the device multiplies it and the network gains by it."""

from pathlib import Path

import pytest

from engine.config import LearnerConfig
from engine.precision import learns_in_bfloat16, serves_in_bfloat16
from muzero.games import make_game
from tests.engine.run_examples import tiny_config

WITH, WITHOUT = "fpu avx512f avx512_bf16 sse", "fpu avx512f sse"


@pytest.fixture
def cpu_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str) -> None:
    """The CPU says that it has these flags."""
    facts = tmp_path / "cpuinfo"
    facts.write_text(f"model name\t: some avx512_bf16 CPU\nflags\t\t: {flags}\n")
    monkeypatch.setattr("engine.precision.CPU_FACTS", facts)


@pytest.mark.usefixtures("cpu_has")
@pytest.mark.parametrize(
    ("precision", "flags", "is_on_gpu", "expected"),
    [
        ("auto", WITH, False, True),
        ("auto", WITHOUT, False, False),
        ("auto", WITHOUT, True, True),
        ("float32", WITH, True, False),
        ("bfloat16", WITHOUT, False, True),
    ],
)
def test_training_is_in_bfloat16_where_the_device_multiplies_it(precision: str, is_on_gpu: bool, expected: bool) -> None:
    assert learns_in_bfloat16(LearnerConfig(precision=precision), is_on_gpu=is_on_gpu) is expected  # type: ignore[arg-type]


@pytest.mark.usefixtures("cpu_has")
@pytest.mark.parametrize(
    ("precision", "kind", "flags", "is_on_gpu", "expected"),
    [
        ("auto", "residual", WITH, False, True),
        ("auto", "mlp", WITH, True, False),
        ("auto", "residual", WITHOUT, False, False),
        ("auto", "residual", WITHOUT, True, True),
        ("float32", "residual", WITH, True, False),
        ("bfloat16", "mlp", WITHOUT, False, True),
    ],
)
def test_residual_networks_serve_in_bfloat16_where_the_device_multiplies_it(
    precision: str, kind: str, is_on_gpu: bool, expected: bool
) -> None:
    config = tiny_config(inference={"precision": precision}, network={"kind": kind})
    assert serves_in_bfloat16(config, make_game(config.env).spec, is_on_gpu=is_on_gpu) is expected
