"""How a profile is asked of a live run: one request that appears whole, one answer, and a clear sentence for everything that goes wrong."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine import profile_files
from engine.profile_files import ProfileRequest, answer_request, ask_for_profile, clear_requests, is_running, take_request
from engine.run_folder import RunFolder, open_run
from muzero.errors import MuZeroError, UserError


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    """An open run folder."""
    with open_run(tmp_path / "run", "new", config_toml="", command_line=[], seed=0) as folder:
        clear_requests(folder.path)
        yield folder


def asked(run: RunFolder, answer: Callable[[ProfileRequest], None]) -> threading.Thread:
    """Starts a thread that stands for the run: it takes one request and does something with it."""

    def serve() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if (request := take_request(run.path)) is not None:
                answer(request)
                return
            time.sleep(0.01)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def files_of(run: RunFolder) -> list[str]:
    return [path.name for path in (run.path / "trace").iterdir()]


def test_a_request_reaches_the_run_and_its_answer_comes_back(run: RunFolder) -> None:
    seen: list[ProfileRequest] = []

    def answer(request: ProfileRequest) -> None:
        seen.append(request)
        answer_request(run.path, request.identity, {"verdict": "all is well"})

    thread = asked(run, answer)
    assert ask_for_profile(run.path, 2.5) == {"verdict": "all is well"}
    thread.join()
    assert seen[0].seconds == 2.5
    assert files_of(run) == []


def test_what_the_run_could_not_do_is_an_error_of_the_asker(run: RunFolder) -> None:
    thread = asked(run, lambda request: answer_request(run.path, request.identity, {"error": "the disk is full."}))
    with pytest.raises(MuZeroError, match="the disk is full"):
        ask_for_profile(run.path, 1.0)
    thread.join()


def test_a_folder_without_a_run_and_a_run_that_does_not_run_are_refused(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no run in .*nowhere"):
        ask_for_profile(tmp_path / "nowhere", 1.0)
    assert is_running(run.path)
    run.close()
    with pytest.raises(UserError, match="is not running: start it with --resume"):
        ask_for_profile(run.path, 1.0)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 601.0, float("nan")])
def test_lengths_that_cannot_be_recorded_are_refused(run: RunFolder, seconds: float) -> None:
    with pytest.raises(UserError, match="--seconds is .*: record more than 0 and at most 600 seconds"):
        ask_for_profile(run.path, seconds)


def test_a_second_asker_is_told_to_wait(run: RunFolder) -> None:
    (run.path / "trace" / "request.json").write_text("{}")
    with pytest.raises(UserError, match="somebody else asks"):
        ask_for_profile(run.path, 1.0)
    assert files_of(run) == ["request.json"]


def test_a_request_that_appears_while_none_is_found_is_not_lost(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    path = run.path / "trace" / "request.json"

    def appear_too_late(self: Path) -> bytes:
        monkeypatch.undo()
        path.write_text(json.dumps({"identity": "0" * 32, "seconds": 1.0}))
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_bytes", appear_too_late)
    assert take_request(run.path) is None
    assert take_request(run.path) == ProfileRequest("0" * 32, 1.0)


def test_a_run_that_ends_meanwhile_is_noticed(run: RunFolder) -> None:
    thread = asked(run, lambda request: run.close())
    with pytest.raises(MuZeroError, match="ended before its profile was written"):
        ask_for_profile(run.path, 1.0)
    thread.join()


def test_a_run_that_does_not_answer_is_given_up_and_its_request_taken_back(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_files, "TAKEN_SECONDS", 0.2)
    with pytest.raises(MuZeroError, match="did not answer within 0 seconds: it may just be starting"):
        ask_for_profile(run.path, 1.0)
    assert files_of(run) == []


@pytest.mark.parametrize(
    "content",
    [
        "no JSON",
        "[]",
        '{"seconds": 1}',
        '{"identity": "../../etc", "seconds": 1}',
        '{"identity": "00000000000000000000000000000000", "seconds": 1e9}',
        '{"identity": "00000000000000000000000000000000", "seconds": "soon"}',
        '{"identity": "00000000000000000000000000000000", "seconds": 1' + 400 * "0" + "}",
    ],
)
def test_what_is_no_request_is_taken_away(run: RunFolder, content: str) -> None:
    (run.path / "trace" / "request.json").write_text(content)
    assert take_request(run.path) is None
    assert files_of(run) == []


def test_what_cannot_be_taken_away_is_no_request_and_costs_the_run_nothing(run: RunFolder) -> None:
    (run.path / "trace" / "request.json").mkdir()
    assert take_request(run.path) is None


def test_the_request_of_the_next_asker_says_that_ones_own_was_taken(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_files, "TAKEN_SECONDS", 1.0)

    def answer_late(request: ProfileRequest) -> None:
        (run.path / "trace" / "request.json").write_text(json.dumps({"identity": "1" * 32, "seconds": 1}))
        time.sleep(2.0)
        answer_request(run.path, request.identity, {"verdict": "all is well"})

    thread = asked(run, answer_late)
    assert ask_for_profile(run.path, 1.0) == {"verdict": "all is well"}
    thread.join()
    assert files_of(run) == ["request.json"]


def test_a_new_start_of_a_run_finds_nothing_of_the_one_before(run: RunFolder) -> None:
    answer_request(run.path, "0" * 32, {})
    (run.path / "trace" / "request.json").write_text(json.dumps({"identity": "0" * 32, "seconds": 1}))
    (run.path / "trace" / "profile.md").write_text("kept")
    clear_requests(run.path)
    assert files_of(run) == ["profile.md"]


def test_processor_time_and_idle_cores_are_measured() -> None:
    from engine.machine_load import cpu_seconds, idle_core_seconds, usable_cores

    before, idle_before, began = cpu_seconds(os.getpid()), idle_core_seconds({0}), time.monotonic()
    while time.process_time() < (before or 0.0) + 0.1 and time.monotonic() < began + 20:
        pass
    after, idle = cpu_seconds(os.getpid()), idle_core_seconds({0}) - idle_before
    assert before is not None and after is not None and after > before
    assert 0.0 <= idle <= time.monotonic() - began + 0.1
    assert cpu_seconds(2**22 + 1) is None
    assert 0.0 < usable_cores() <= os.cpu_count()  # type: ignore[operator]
