"""The private socket folder: short, ours alone, gone after use, and no one else's is touched."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import socket_folder
from engine.errors import MachineProblem
from engine.socket_folder import SocketFolder


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A place of its own, with a short path."""
    path = Path(tempfile.mkdtemp(prefix="mz", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    yield path
    shutil.rmtree(path)


def test_folder_is_private_and_short_and_gone_after_use(base: Path) -> None:
    folder = SocketFolder()
    assert folder.path.parent == base
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert len(str(folder.path)) < 90
    folder.close()
    assert list(base.iterdir()) == []


def test_place_with_a_long_path_is_avoided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / ("long" * 20)
    place.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
    folder = SocketFolder()
    folder.close()
    assert len(str(folder.path)) < 90 and list(place.iterdir()) == []


def test_machine_without_a_place_is_told_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_folder, "LONGEST_BASE_BYTES", 0)
    with pytest.raises(MachineProblem, match="set XDG_RUNTIME_DIR"):
        SocketFolder()


def test_sweep_spares_live_young_and_open_folders_and_links(base: Path, tmp_path: Path) -> None:
    young, old, open_to_all, link = (base / f"muzero-{name}" for name in ("young", "old", "open", "link"))
    for path in (young, old, open_to_all):
        path.mkdir(mode=0o700)
    open_to_all.chmod(0o755)
    link.symlink_to(tmp_path)
    os.utime(old, (time.time() - 120, time.time() - 120))
    one, two = SocketFolder(), SocketFolder()
    assert set(base.iterdir()) == {young, open_to_all, link, one.path, two.path}
    one.close()
    two.close()


def test_folder_swept_while_it_was_made_is_made_again(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[bool] = []

    def lock_after_a_sweep(descriptor: int) -> bool:
        tries.append(True)
        if len(tries) == 1:
            shutil.rmtree(next(base.iterdir()))
        return True

    monkeypatch.setattr(socket_folder, "try_lock", lock_after_a_sweep)
    folder = SocketFolder()
    assert len(tries) == 2 and folder.path.exists()
    folder.close()
