"""The three displays, fed with a recorded status."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from engine.config import RunConfig
from engine.status import Status
from launch.dashboard import JSON, LINE_SECONDS, PLAIN, LineDisplay, RichDisplay, make_display, status_line
from launch.screen import Event, clock, compact, number, screen, states_by_role
from muzero.config import ReanalyzeConfig

RUN_DIR = Path("runs/tictactoe-20250101-120000-s1")
ALL_READY = dict.fromkeys(("actor-0", "server", "learner", "evaluator"), "READY")
EVENTS = [Event(40.0 * index, f"event {index}") for index in range(6)]


def drawn(status: Status | None, events: list[Event], width: int, height: int = 24) -> list[str]:
    """Returns the screen's lines as plain text."""
    console = Console(width=width, height=height, force_terminal=False, file=io.StringIO())
    with console.capture() as capture:
        console.print(screen(RunConfig(), RUN_DIR, status, events, width=width, height=height))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [80, 120])
def test_the_screen_fits_and_cuts_nothing(status: Status, width: int) -> None:
    lines = drawn(status, EVENTS, width)

    assert len(lines) <= 23 and {len(line) for line in lines} == {width}
    text = "\n".join(lines)
    assert "…" not in text
    for shown in (
        "12,345 / 20,000   62%",
        "ETA 0:03:10",
        "1 ready, 1 starting",
        "310.2k sims/s",
        "batch 24.1, 75% full",
        "lag 1.83 versions",
    ):
        assert shown in text
    for shown in (
        "3.98 of 4 samples",
        "throttled: actors",
        "learner   (muzero profile says why)",
        "3 losing lines vs perfect at step 12,000",
        "policy 0.901",
        "lr 0.00213",
        "event 5",
    ):
        assert shown in text


def test_the_bar_follows_the_time_limit_where_that_ends_the_run_first(status: Status) -> None:
    for minutes, shown in ((10.0, "62%  0:05:12 of 0:10:00"), (6.0, "87%  0:05:12 of 0:06:00")):
        console = Console(width=80, height=24, force_terminal=False, file=io.StringIO())
        with console.capture() as capture:
            console.print(screen(RunConfig(minutes=minutes), RUN_DIR, status, [], width=80, height=24))
        assert shown in capture.get() and "…" not in capture.get()


def test_a_score_says_against_whom_and_over_how_many_games(status: Status) -> None:
    against = replace(status, losing_lines=-1, score=0.875, evaluated_games=20, opponent="random", roles=ALL_READY)
    assert "score 0.875 in 20 games vs random at step 12,000" in "\n".join(drawn(against, [], 80))
    assert "mean return 212.5 in 8 episodes" in "\n".join(drawn(replace(against, score=212.5, evaluated_games=8, opponent="none"), [], 80))


def test_a_learner_that_has_not_begun_says_what_it_waits_for(young_status: Status) -> None:
    waiting = "waits for 2,000 stored steps (replay.min_steps)"
    for ring_steps, is_waiting in ((1999, True), (2000, False)):
        text = "\n".join(drawn(replace(young_status, ring_steps=ring_steps, roles=ALL_READY), [], 80))
        assert (waiting in text) == is_waiting


def test_a_low_terminal_shows_the_newest_events_only(status: Status) -> None:
    text = "\n".join(drawn(status, EVENTS, 80, height=20))

    assert "event 5" in text and "event 3" not in text


def test_a_long_event_is_wrapped_and_takes_the_place_of_older_ones(status: Status) -> None:
    lines = drawn(status, [*EVENTS, Event(250.0, "word " * 30 + "end")], 80)
    text = "\n".join(lines)
    assert len(lines) <= 23 and "…" not in text
    assert text.count("word") == 30 and "end" in text and "event 5" in text and "event 2" not in text


def test_what_is_not_known_yet_is_a_dash(young_status: Status) -> None:
    text = "\n".join(drawn(young_status, [], 80))

    assert "nan" not in text.lower()
    assert "no evaluation yet" in text and "ETA -" in text


def test_before_the_first_status_it_says_that_it_starts() -> None:
    assert "starting ..." in "\n".join(drawn(None, [], 80))


def test_one_process_shows_the_work_of_all_roles(status: Status) -> None:
    text = "\n".join(drawn(replace(status, roles={"all": "READY"}), [], 80))

    assert "310.2k sims/s" in text and "82.4 steps/s" in text


def test_square_brackets_in_an_event_are_text(status: Status) -> None:
    assert "died [exit 1]" in "\n".join(drawn(status, [Event(1.0, "died [exit 1]")], 80))


def test_the_live_screen_draws_and_leaves_its_last_state(status: Status) -> None:
    output = io.StringIO()
    display = RichDisplay(Console(file=output, width=80, height=24, force_terminal=True))

    display.message("training.batch_size: 128 -> 64")
    display.start(RunConfig(), RUN_DIR)
    display.update(status)
    display.message("checkpoint at step 12000")
    display.close()
    display.message("done " + "x" * 80)

    text = output.getvalue()
    assert text.index("128 -> 64") < text.index("starting ...") < text.index("checkpoint at step 12000")
    assert "x" * 80 in text[text.rindex("\x1b[?25h") :].replace("\n", "")


def test_no_color_is_respected(status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    console = Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard")

    with console.capture() as capture:
        console.print(screen(RunConfig(), RUN_DIR, status, [], width=80, height=24))

    assert "\x1b[36m" not in capture.get()


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, set by the test."""
    now = [100.0]
    monkeypatch.setattr("launch.dashboard.time.monotonic", lambda: now[0])
    return now


def test_a_line_display_shows_a_status_every_ten_seconds_and_the_last(
    status: Status, seconds: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    display = LineDisplay(PLAIN)

    for step in (1, 2, 3):
        display.update(replace(status, learner_steps=step))
        seconds[0] += LINE_SECONDS / 2 + 0.1
    display.update(replace(status, learner_steps=4))
    display.close()
    display.close()

    assert [line.split()[2].partition("/")[0] for line in capsys.readouterr().out.splitlines()] == ["1", "3", "4"]


def test_a_line_display_shows_events_at_once(status: Status, capsys: pytest.CaptureFixture[str]) -> None:
    display = LineDisplay(PLAIN)

    display.start(RunConfig(), RUN_DIR)
    display.message("actor-1 died")

    assert capsys.readouterr().out.splitlines() == [f"training tictactoe in {RUN_DIR}, seed 0, 2 actors", "0:00:00  actor-1 died"]


def test_a_json_display_prints_one_object_a_line_without_nan(young_status: Status, capsys: pytest.CaptureFixture[str]) -> None:
    display = LineDisplay(JSON)

    display.start(RunConfig(), RUN_DIR)
    display.update(young_status)
    display.message("checkpoint")

    records = [json.loads(line, parse_constant=lambda text: pytest.fail(text)) for line in capsys.readouterr().out.splitlines()]
    assert [record["event"] for record in records] == ["start", "status", "message"]
    assert records[1]["total_loss"] is None and records[1]["roles"]["server"] == "READY"
    assert records[2]["text"] == "checkpoint"


def test_the_plain_line_of_a_status(status: Status) -> None:
    assert status_line(status) == (
        "0:05:12  step 12,345/20,000 (62%)  env 12.3k/s  sims 310.2k/s  learner 82.4/s  fill 75%  lag 1.83  ratio 3.98/4  "
        "limit learner  loss 1.23  return 0.123  score -3  ETA 0:03:10"
    )


def test_the_plain_line_names_failed_games_once_there_are_some(status: Status) -> None:
    assert status_line(replace(status, failed_games=1204)).endswith("ETA 0:03:10  failed games 1,204")


def test_a_run_without_a_limit_is_not_explained(status: Status) -> None:
    screens = ["\n".join(drawn(replace(status, limit=limit), [], 80)) for limit in ("learner", "none")]
    assert ["muzero profile says why" in screen for screen in screens] == [True, False]


def test_output_that_is_no_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.delenv("TTY_COMPATIBLE", raising=False)

    assert isinstance(make_display(json_logs=False), LineDisplay)
    assert isinstance(make_display(json_logs=True), LineDisplay)


def test_numbers_are_short() -> None:
    assert [compact(value) for value in (0.0, 7.53, 850.4, 9999.0, 12345.6, 4.5e6, 2e9, float("nan"))] == [
        "0",
        "7.5",
        "850",
        "9,999",
        "12.3k",
        "4.5M",
        "2.0G",
        "-",
    ]
    assert [number(value) for value in (0.00213, 475.0, 12345.6, float("inf"))] == ["0.00213", "475", "12,346", "-"]
    assert [clock(value) for value in (0.0, 3661.9, None, float("nan"))] == ["0:00:00", "1:01:01", "-", "-"]


def test_actors_are_shown_together() -> None:
    assert states_by_role({"actor-0": "READY", "actor-1": "FAILED", "learner": "READY"}) == {
        "actors": ["ready", "failed"],
        "learner": ["ready"],
    }


def test_several_servers_are_shown_together(status: Status) -> None:
    roles = {"actor-0": "READY", "server-0": "READY", "server-1": "STARTING", "learner": "READY"}
    text = "\n".join(drawn(replace(status, roles=roles), EVENTS, 80))

    assert re.search(r"servers +1 ready, 1 starting +310\.2k sims/s", text)


REANALYZED = {
    "reanalyzed_positions": 12_000,
    "reanalyzed_per_second": 312.0,
    "reanalysis_share": 0.35,
    "fresh_fraction": 0.79,
    "fresh_age_mean": 12.3,
    "policy_divergence": 0.211,
    "fresh_wait_fraction": 0.12,
    "roles": {"actor-0": "READY", "learner": "READY", "reanalyzer-0": "READY", "reanalyzer-1": "FAILED"},
}


def test_the_screen_shows_reanalysis_where_it_is_on(status: Status) -> None:
    console = Console(width=80, height=24, force_terminal=False, file=io.StringIO())
    config = RunConfig(reanalyze=ReanalyzeConfig(fraction=0.8))
    with console.capture() as capture:
        console.print(screen(config, RUN_DIR, replace(status, **REANALYZED), EVENTS, width=80, height=24))
    text = capture.get()

    assert "…" not in text and len(text.splitlines()) <= 23
    assert "reanalyzers   1 ready, 1 failed" in text and "312 positions/s   35% of all sims" in text
    assert "79% of 80%   age 12.3 versions   KL 0.211   waited 12%" in text


def test_a_line_tells_of_reanalysis_where_there_is_some(status: Status) -> None:
    assert "fresh" not in status_line(status)
    assert "reanalyzed 312/s  fresh 79%, age 12.3, waited 12%" in status_line(replace(status, **REANALYZED))
