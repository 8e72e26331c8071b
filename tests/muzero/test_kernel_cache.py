"""Where compiled kernels are kept: only where nobody else can put code."""

import os
from pathlib import Path

import pytest

from muzero.kernel_cache import writable_folder


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose home cannot be written: the fallback below the temporary folder."""
    (tmp_path / "home").write_text("a file, so no folder can be made in it")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path / "tmp" / f"muzero-{os.getuid()}"


def test_without_a_home_kernels_go_to_a_private_temporary_folder(temporary: Path) -> None:
    assert writable_folder("kernels-1") == temporary / "kernels-1" == writable_folder("kernels-1")
    assert temporary.stat().st_mode & 0o777 == 0o700


def test_a_temporary_folder_that_others_can_write_is_not_used(temporary: Path) -> None:
    temporary.mkdir()
    temporary.chmod(0o777)

    folder = writable_folder("kernels-1")

    assert folder.parent == temporary.parent and folder.name.startswith("kernels-1")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_is_not_followed(temporary: Path) -> None:
    (temporary.parent / "elsewhere").mkdir(mode=0o700)
    temporary.symlink_to(temporary.parent / "elsewhere")

    assert writable_folder("kernels-1").parent == temporary.parent
