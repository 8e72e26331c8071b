"""Run folders: opened new or again, locked against a second start, refused where something would be lost."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import MachineProblem, RunDirectoryInUse
from engine.run_folder import RunFolder, RunMode, open_run
from muzero.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from engine.run_folder import open_run
folder = open_run(Path(sys.argv[1]), "new", config_toml="", command_line=[], seed=1)
print(folder.socket_dir(), flush=True)
time.sleep(60)
"""


def open_folder(path: Path, mode: RunMode = "new", config_toml: str = "seed = 1\n") -> RunFolder:
    """Opens a run folder."""
    return open_run(path, mode, config_toml=config_toml, command_line=["muzero-launch", "--seed", "1"], seed=1)


@pytest.fixture(autouse=True)
def socket_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of its own for the socket folders of a test, with a short path."""
    base = Path(tempfile.mkdtemp(prefix="mz", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    monkeypatch.chdir(tmp_path)
    yield base
    shutil.rmtree(base)


def finished_run(path: Path) -> Path:
    """Makes the folder of a run that has ended."""
    open_folder(path).close()
    (path / "metrics.jsonl").write_text("old\n")
    return path


def held_run(path: Path) -> "subprocess.Popen[str]":
    """Starts a process that holds a run folder."""
    program = [sys.executable, "-c", HOLD, str(path)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(root)})


def test_new_run_describes_itself(tmp_path: Path) -> None:
    with open_folder(tmp_path / "deep" / "run") as folder:
        names = {entry.name for entry in folder.path.iterdir()}
    assert names == {"checkpoints", "config.toml", "crash", "lock", "logs", "meta.json", "tb"}
    meta = json.loads((folder.path / "meta.json").read_text())
    assert (meta["command_line"], meta["seed"], meta["git_hash"]) == (["muzero-launch", "--seed", "1"], 1, None)
    assert meta["versions"].keys() == {"python", "muzero-engine", "torch", "numba", "numpy"}
    assert meta["versions"]["python"].startswith("3.") and meta["versions"]["numpy"] and meta["earlier_starts"] == []
    assert (folder.path / "config.toml").read_text() == "seed = 1\n"


def test_git_hash_of_the_working_directory_is_noted(tmp_path: Path) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", *identity, "commit", "-q", "--allow-empty", "-m", "x"], cwd=tmp_path, check=True)
    open_folder(tmp_path / "run").close()
    assert len(json.loads((tmp_path / "run" / "meta.json").read_text())["git_hash"]) == 40


def test_empty_folder_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    open_folder(tmp_path / "run").close()
    assert (tmp_path / "run" / "meta.json").exists()


@pytest.mark.parametrize("content", ["metrics.jsonl", "thesis.tex"])
def test_folder_with_anything_in_it_is_refused_naming_the_flags(tmp_path: Path, content: str) -> None:
    (tmp_path / content).touch()
    with pytest.raises(RunDirectoryInUse) as refusal:
        open_folder(tmp_path)
    assert all(flag in str(refusal.value) for flag in ("--resume", "--restart", "--overwrite"))
    assert [entry.name for entry in tmp_path.iterdir()] == [content]


def test_resume_keeps_everything_and_the_earlier_starts(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    first = json.loads((run / "meta.json").read_text())
    open_folder(run, "resume", "seed = 2\n").close()
    open_folder(run, "resume", "seed = 3\n").close()
    assert (run / "metrics.jsonl").read_text() == "old\n"
    assert (run / "config.toml").read_text() == "seed = 3\n"
    earlier = json.loads((run / "meta.json").read_text())["earlier_starts"]
    assert len(earlier) == 2 and earlier[0]["started_at"] == first["started_at"] and "earlier_starts" not in earlier[0]


@pytest.mark.parametrize("exists", [False, True])
def test_resume_of_no_run_is_refused_and_makes_nothing(tmp_path: Path, exists: bool) -> None:
    run = tmp_path / "run"
    if exists:
        run.mkdir()
    with pytest.raises(UserError, match=r"no run in .*run to resume"):
        open_folder(run, "resume")
    assert run.exists() == exists and not (run / "lock").exists()


def test_restart_moves_the_old_run_to_the_next_free_name(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    (tmp_path / "run.old-1").mkdir()
    open_folder(run, "restart").close()
    assert (tmp_path / "run.old-2" / "metrics.jsonl").read_text() == "old\n"
    assert not (run / "metrics.jsonl").exists() and (run / "meta.json").exists()


def test_restarted_folder_is_locked(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    with open_folder(run, "restart"), pytest.raises(RunDirectoryInUse, match=f"pid {os.getpid()}"):
        open_folder(run, "resume")


def test_overwrite_deletes_the_old_run(tmp_path: Path) -> None:
    run = finished_run(tmp_path / "run")
    (run / "checkpoints" / "step_1").mkdir()
    open_folder(run, "overwrite").close()
    assert not (run / "metrics.jsonl").exists() and list((run / "checkpoints").iterdir()) == []
    assert json.loads((run / "meta.json").read_text())["earlier_starts"] == []


@pytest.mark.parametrize("mode", ["overwrite", "restart"])
def test_folder_that_is_no_run_is_left_alone(tmp_path: Path, mode: RunMode) -> None:
    (tmp_path / "thesis.tex").touch()
    (tmp_path / "config.toml").touch()
    with pytest.raises(UserError, match="holds files but no run"):
        open_folder(tmp_path, mode)
    assert {entry.name for entry in tmp_path.iterdir()} == {"thesis.tex", "config.toml"}


def test_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UserError, match="is a file"):
        open_folder(tmp_path / "run")


def test_folder_that_cannot_be_made_is_the_machines_problem() -> None:
    with pytest.raises(MachineProblem, match="cannot be written"):
        open_folder(Path("/proc/run"))


@pytest.mark.parametrize("mode", ["new", "resume", "restart", "overwrite"])
def test_second_start_of_a_live_run_names_the_first(tmp_path: Path, mode: RunMode) -> None:
    with open_folder(tmp_path / "run"), pytest.raises(RunDirectoryInUse, match=f"pid {os.getpid()}"):
        open_folder(tmp_path / "run", mode)


def test_killed_supervisor_leaves_no_lock_and_its_socket_folder_is_swept(tmp_path: Path, socket_base: Path) -> None:
    with held_run(tmp_path / "run") as holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        with pytest.raises(RunDirectoryInUse, match=f"pid {holder.pid}"):
            open_folder(tmp_path / "run", "resume")
        holder.kill()
    assert left.parent == socket_base and left.exists()
    with open_folder(tmp_path / "run", "resume") as folder:
        mine = folder.socket_dir()
        assert folder.socket_dir() == mine
        assert list(socket_base.iterdir()) == [mine]
    assert list(socket_base.iterdir()) == []
