"""Devices: what memory their GPUs have; a GPU that runs out of it ends the run with one sentence."""

from pathlib import Path
from typing import NoReturn

import pytest
import torch

from engine.device import resolve_device, smallest_device_bytes
from engine.errors import MachineProblem
from engine.training import train
from tests.engine.run_examples import RememberingDisplay, tiny_config


def test_one_process_without_gpu_memory_ends_with_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(*_: object) -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr("engine.learning.Learning.learn", run_out)
    with pytest.raises(MachineProblem, match=r"^a GPU ran out of memory \(CUDA out of memory\): .*--games-per-actor.*\.$") as failure:
        train(tiny_config(), run_dir=tmp_path / "run", mode="new", display=RememberingDisplay(), command_line=["test"])
    assert failure.value.exit_code == 3


@pytest.mark.parametrize(("name", "number"), [("auto", 0), ("cuda", 0), ("cuda:1", 1)])
def test_a_cuda_device_has_the_number_that_setting_it_takes(monkeypatch: pytest.MonkeyPatch, name: str, number: int) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert resolve_device(name) == torch.device("cuda", number)
    with pytest.raises(MachineProblem, match=r"'cuda:2' is not there: torch sees cuda:0 to cuda:1"):
        resolve_device("cuda:2")


def test_each_server_has_a_gpu_of_its_own_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert [str(resolve_device("auto", server)) for server in range(3)] == ["cuda:0", "cuda:1", "cuda:2"]
    assert str(resolve_device("cuda:1", 1)) == "cuda:2"
    assert str(resolve_device("cpu", 5)) == str(resolve_device("simulated:0+0", 5)) == "cpu"
    with pytest.raises(MachineProblem, match=r"^server-2 needs cuda:3, but torch sees cuda:0 to cuda:2: give fewer --servers\.$"):
        resolve_device("cuda:1", 2)


@pytest.mark.parametrize("name", ["auto", "cpu", "simulated:0+0"])
def test_without_a_gpu_the_cpu_computes(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert resolve_device(name) == torch.device("cpu")
    with pytest.raises(MachineProblem, match=r"'cuda' is not there \(torch sees no CUDA device\)"):
        resolve_device("cuda")


def test_only_gpus_have_memory_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Properties:
        def __init__(self, device: torch.device) -> None:
            self.total_memory = 24 if device.index == 0 else 80

    monkeypatch.setattr("torch.cuda.get_device_properties", Properties)
    cpu, small, large = torch.device("cpu"), torch.device("cuda:0"), torch.device("cuda:1")
    assert smallest_device_bytes((cpu, cpu)) is None
    assert smallest_device_bytes((cpu, small)) == 24
    assert smallest_device_bytes((large, small)) == 24
