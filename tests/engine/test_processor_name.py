"""The processor's name, from what the kernel says of it."""

from pathlib import Path

import pytest

from engine.processor_name import processor_name


def test_the_name_is_that_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = "processor\t: 0\nmodel name\t: Example CPU @ 2.00GHz\nprocessor\t: 1\nmodel name\t: Example CPU @ 2.00GHz\n"
    monkeypatch.setattr(Path, "read_text", lambda path: facts)
    assert processor_name() == "Example CPU @ 2.00GHz"


def test_a_kernel_that_names_none_leaves_the_architecture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda path: "processor\t: 0\n")
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert processor_name() == "riscv64"
