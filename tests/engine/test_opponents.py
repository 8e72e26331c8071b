"""The names of opponents, and those that are other programs: with a fake one for each way to fail, and with the real ones."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from engine.errors import MachineProblem
from engine.opponents import OPPONENTS, make_opponent, open_opponent, opening_moves_against
from engine.opponents.program import MORE_FOLDERS
from muzero.config import EnvConfig
from muzero.errors import OpponentFailed, UnknownName, UserError
from muzero.games.go_vertices import action_of_vertex, vertex_of_action
from muzero.games.uci_moves import uci_moves
from muzero.opponents import RESIGNATION, Opponent
from tests.muzero.turns import random_moves, turn_after

FAKE = Path(__file__).with_name("fake_player.py")
GO, CHESS, TICTACTOE, CONNECT4 = (EnvConfig(name=name) for name in ("go5", "chess", "tictactoe", "connect4"))
TICTACTOE_BY_OPENSPIEL = EnvConfig(name="openspiel:tic_tac_toe")
CASTLING = EnvConfig(name="chess", kwargs={"fen": "r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 0 1"})
PROMOTIONS = EnvConfig(name="chess", kwargs={"fen": "n6k/1P6/8/8/8/8/1p6/N6K w - - 0 1"})


def is_installed(program: str) -> bool:
    return bool(shutil.which(program) or shutil.which(program, path=MORE_FOLDERS))


needs_gnugo = pytest.mark.skipif(not is_installed("gnugo"), reason="GNU Go is not installed")
needs_stockfish = pytest.mark.skipif(not is_installed("stockfish"), reason="Stockfish is not installed")


def fake(protocol: str, behaviour: str, options: str = "") -> str:
    return f"{protocol}:{sys.executable} -S {FAKE} {behaviour}{options}"


def opened(name: str, config: EnvConfig) -> "closing[Opponent]":
    return closing(make_opponent(name, config, in_run=False))


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.opponents.uci.ANSWER_SECONDS", 0.5)
    monkeypatch.setattr("engine.opponents.program.Program.hear.__defaults__", (0.5,))


def children() -> set[int]:
    """Returns the processes that this one has."""
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


@pytest.fixture(autouse=True)
def nothing_remains() -> Iterator[None]:
    before = children()
    yield
    assert children() == before


@pytest.mark.parametrize(
    ("name", "config", "in_run", "sentence"),
    [
        ("alphabet:depth=5", CONNECT4, False, "unknown opponent 'alphabet': did you mean alphabeta"),
        ("alphabeta:deep=5", CONNECT4, False, "unknown option of opponent alphabeta 'deep': did you mean depth"),
        ("alphabeta:depth=five", CONNECT4, True, "opponent 'alphabeta:depth=five' has depth 'five': write a whole number"),
        ("alphabeta:depth=5", GO, True, "does not know 'go5', only connect4"),
        ("random:1", GO, False, "opponent 'random:1' takes nothing behind its name: write 'random'"),
        ("gnugo:level=1", CHESS, True, "plays Go and not 'chess'"),
        ("gnugo:level=21", GO, True, "has level 21: set 0 to 20"),
        ("gtp:", GO, False, "opponent 'gtp:' names no program"),
        ("gtp:a 'b", GO, False, "No closing quotation"),
        ("uci:stockfish", GO, False, "plays chess and not 'go5'"),
        ("uci:", CHESS, False, "names nothing to play with: write uci:COMMAND"),
        ("uci:stockfish;depth", CHESS, False, "has the option 'depth': write KEY=VALUE"),
        ("checkpoint:runs/first", GO, True, "cannot be met inside a run.*use muzero eval --opponent checkpoint:runs/first"),
        ("checkpoint:no/such/run", GO, False, "there is no run in no/such/run: name the folder of a run"),
        ("uci:stockfish;depth=0", CHESS, True, "opponent 'uci:stockfish;depth=0' has depth 0: set at least 1"),
        ("uci:stockfish;Skill Level=3;nodes=-1", CHESS, False, "has nodes -1: set at least 1"),
        ("uci:stockfish;movetime=-", CHESS, False, "has movetime '-': write a whole number"),
        ("openspiel-mcts:rollouts=-5", TICTACTOE_BY_OPENSPIEL, False, "has -5 rollouts: set 1 to 10000000"),
        ("gnugo:level=-1", GO, True, "has level -1: set 0 to 20"),
        ("alphabeta:depth=-1", CONNECT4, True, "has depth -1: set 1 to 20"),
        ("perfect", CONNECT4, True, "'perfect' does not know 'connect4'"),
    ],
)
def test_what_cannot_be_played_is_refused_with_a_sentence(name: str, config: EnvConfig, in_run: bool, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        make_opponent(name, config, in_run=in_run)


def test_a_program_that_is_not_installed_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *arguments, **keywords: None)
    with pytest.raises(MachineProblem, match="opponent 'gnugo:level=1': gnugo is not installed: apt-get install gnugo"):
        make_opponent("gnugo", GO, in_run=True)
    with pytest.raises(MachineProblem, match="leela is not installed: install it or correct its name"):
        make_opponent("gtp:leela --gtp", GO, in_run=True)


def test_defaults_are_as_documented() -> None:
    assert opening_moves_against(make_opponent("alphabeta", CONNECT4, in_run=True), None) == 0
    assert opening_moves_against(make_opponent(fake("gtp", "pass"), GO, in_run=True), None) == 2
    assert opening_moves_against(make_opponent(fake("gtp", "pass"), GO, in_run=True), 0) == 0
    assert opening_moves_against(None, None) == 0
    assert {name for name, kind in OPPONENTS.items() if kind.opening_moves} == {"gnugo", "gtp", "uci", "checkpoint"}


@pytest.mark.parametrize(
    ("name", "config", "in_full"),
    [
        ("alphabeta", CONNECT4, "alphabeta:depth=5"),
        ("openspiel-mcts", TICTACTOE_BY_OPENSPIEL, "openspiel-mcts:rollouts=1000"),
        ("openspiel-mcts:rollouts=7", TICTACTOE_BY_OPENSPIEL, "openspiel-mcts:rollouts=7"),
        pytest.param("gnugo", GO, "gnugo:level=1", marks=needs_gnugo),
        (fake("uci", "e2e4"), CHESS, f"{fake('uci', 'e2e4')};nodes=1000"),
        (fake("uci", "e2e4", ";Skill=3;depth=2"), CHESS, fake("uci", "e2e4", ";Skill=3;depth=2")),
    ],
)
def test_an_opponents_own_name_has_its_defaults(name: str, config: EnvConfig, in_full: str) -> None:
    with opened(name, config) as opponent:
        assert opponent.name == in_full


def test_opening_moves_before_a_walk_of_every_line_are_refused() -> None:
    with opened("perfect", TICTACTOE) as opponent:
        assert opening_moves_against(opponent, 0) == 0
        with pytest.raises(UserError, match="opponent 'perfect' is given every line .* not 2 opening moves: leave them out"):
            opening_moves_against(opponent, 2)


def test_there_is_no_opponent_where_one_plays_alone() -> None:
    with open_opponent("ignored", EnvConfig(name="cartpole"), in_run=True) as opponent:
        assert opponent is None


FAILURES = {
    "dies": "it ended, exit code 1, and its last words were 'out of ideas'",
    "sulks": "it did not answer ('bestmove' )?within",
    "floods": "it wrote more than 1048576 bytes without an end of line",
}


@pytest.mark.usefixtures("short_patience")
@pytest.mark.parametrize(("behaviour", "sentence"), FAILURES.items())
@pytest.mark.parametrize(("protocol", "config"), [("gtp", GO), ("uci", CHESS)])
def test_a_program_that_goes_wrong_is_told_in_a_sentence(protocol: str, config: EnvConfig, behaviour: str, sentence: str) -> None:
    with opened(fake(protocol, behaviour), config) as opponent, pytest.raises(OpponentFailed, match=sentence):
        opponent.choose([turn_after(config, [])])


@pytest.mark.parametrize(
    ("name", "config", "moves", "sentence"),
    [
        (fake("gtp", "babbles"), GO, [], "it answered 'banana' to genmove"),
        (fake("gtp", "refuses"), GO, [], r"it answered '\? cannot' to 'genmove black'"),
        (fake("gtp", "cheats"), GO, [0, 6], r"it played A1 after \[A1 B2\], which is illegal here"),
        (fake("uci", "babbles"), CHESS, [], r"it played '' after \[\], which is illegal here"),
        (fake("uci", "cheats"), CHESS, [], r"it played 'e2e5' after \[\], which is illegal here"),
    ],
)
def test_nonsense_is_quoted(name: str, config: EnvConfig, moves: list[int], sentence: str) -> None:
    with opened(name, config) as opponent, pytest.raises(OpponentFailed, match=sentence):
        opponent.choose([turn_after(config, moves)])


@pytest.mark.parametrize(("command", "sentence"), [("true", "it ended"), ("cat", "it answered 'boardsize 5' to 'boardsize 5'")])
def test_a_program_that_speaks_no_gtp_is_told_at_once(command: str, sentence: str) -> None:
    with opened(f"gtp:{command}", GO) as opponent, pytest.raises(OpponentFailed, match=sentence):
        opponent.choose([turn_after(GO, [])])


@pytest.mark.parametrize("command", ["cat", f"{sys.executable} -u -c 'while True: print(1)'"])
def test_a_program_that_speaks_no_uci_is_told_after_the_handshake(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("engine.opponents.uci.HANDSHAKE_SECONDS", 0.3)
    sentence = "it did not answer 'uciok' within 0.3 s and does not seem to speak UCI; try its command in a terminal"
    with opened(f"uci:{command}", CHESS) as opponent, pytest.raises(OpponentFailed, match=sentence):
        opponent.choose([turn_after(CHESS, [])])


def test_an_option_that_a_program_does_not_have_is_refused_with_the_nearest() -> None:
    with opened(fake("uci", "e2e4", ";Skil=3"), CHESS) as opponent, pytest.raises(UnknownName, match="'Skil': did you mean Skill"):
        opponent.choose([turn_after(CHESS, [])])


def test_gtp_moves_passes_and_resignations_are_understood() -> None:
    for behaviour, action in (("C2", 7), ("PASS", 25), ("resigns", RESIGNATION)):
        with opened(fake("gtp", behaviour), GO) as opponent:
            assert opponent.choose([turn_after(GO, [], table=0), turn_after(GO, [3], table=4)]) == [action, action]


def test_waiting_for_a_program_beats() -> None:
    beats: list[int] = []
    with closing(make_opponent(fake("gtp", "C3"), GO, in_run=True, on_wait=lambda: beats.append(1))) as opponent:
        opponent.choose([turn_after(GO, [])])
    assert beats


def test_a_program_ends_with_the_process_that_started_it() -> None:
    program = (
        "import os, time; from engine.opponents.program import Program, find_command;"
        "program = Program('x', find_command('x', 'sleep 60'), lambda: None);"
        "time.sleep(0.5); print(program._process.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=30, check=False)
    deadline = time.monotonic() + 10
    while not has_ended(int(done.stdout)):
        assert time.monotonic() < deadline


def has_ended(pid: int) -> bool:
    """Returns whether a process is gone or waits to be reaped."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_vertices_by_hand_and_there_and_back() -> None:
    assert (vertex_of_action(0, 5), vertex_of_action(24, 5), vertex_of_action(25, 5)) == ("A1", "E5", "pass")
    assert (vertex_of_action(8, 9), action_of_vertex("j1", 9), action_of_vertex("T19", 19)) == ("J1", 8, 360)
    assert [action_of_vertex(text, 5) for text in ("I1", "F1", "A6", "A0", "", "A", "Ax", "resign")] == [None] * 8
    assert all(action_of_vertex(vertex_of_action(action, 19), 19) == action for action in range(362))


def test_uci_moves_by_hand() -> None:
    turn = turn_after(CHESS, [])
    assert {"e2e4", "g1f3"} < set(uci_moves(turn.legal_actions, turn.frames[-1]))
    turn = turn_after(CASTLING, [])
    moves = uci_moves(turn.legal_actions, turn.frames[-1])
    assert {"e1g1", "e1c1", "a1a8", "e1e2"} < set(moves) and "a1a8q" not in moves
    turn = turn_after(CASTLING, [moves["a1b1"]])
    assert {"e8c8", "e8g8"} < set(uci_moves(turn.legal_actions, turn.frames[-1]))
    turn = turn_after(PROMOTIONS, [])
    moves = uci_moves(turn.legal_actions, turn.frames[-1])
    assert {text for text in moves if text[0] == "b"} == {f"b7{to}{piece}" for to in ("a8", "b8") for piece in "qrbn"}
    turn = turn_after(PROMOTIONS, [moves["h1h2"]])
    assert {"b2a1n", "b2b1q"} < set(uci_moves(turn.legal_actions, turn.frames[-1]))


@needs_gnugo
def test_gnugo_plays_legal_moves_at_many_tables_and_beats_random_play() -> None:
    config, rng = EnvConfig(name="go7"), np.random.default_rng(0)
    with opened("gnugo:level=1", config) as opponent:
        moves: dict[int, list[int]] = {table: random_moves(config, table, rng) for table in range(3)}
        for _ in range(6):
            turns = [turn_after(config, moves[table], table=table) for table in moves]
            for table, action in enumerate(opponent.choose(turns)):
                assert turns[table].legal_actions[action]
                moves[table] += [action]
                reply = turn_after(config, moves[table]).legal_actions
                moves[table] += [int(rng.choice(np.flatnonzero(reply[:-1])))]


@needs_gnugo
def test_gnugo_starts_anew_when_another_game_begins_at_its_table_and_follows_the_seed() -> None:
    config = EnvConfig(name="go7")
    with opened("gnugo:level=1", config) as opponent:
        first = opponent.choose([turn_after(config, [24])])
        opponent.choose([turn_after(config, [24, *first, 10])])
        again = opponent.choose([turn_after(config, [24])])
    assert first == again


@needs_gnugo
def test_gnugo_takes_dead_stones_off_before_it_passes() -> None:
    # Black's lone stone in the corner of White's 5x5 board is dead, but would count as alive: White must not pass yet.
    config = EnvConfig(name="go5")
    white = [5 * row + column for row, column in ((1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (3, 1), (3, 3))]
    passes = [25] * len(white)
    moves = [4, white[0], *(move for pair in zip(passes, white[1:], strict=False) for move in pair), 25]
    with opened("gnugo:level=1", config) as opponent:
        assert opponent.choose([turn_after(config, moves)]) != [25]


@needs_stockfish
def test_stockfish_finds_mates_castles_and_promotes_in_our_numbers() -> None:
    with opened("uci:stockfish;depth=3;Skill Level=20", CHESS) as opponent:
        turn = turn_after(CHESS, [])
        for text in ("e2e4", "e7e5", "d1h5", "b8c6", "f1c4", "g8f6"):
            turn = turn_after(CHESS, [*turn.moves, uci_moves(turn.legal_actions, turn.frames[-1])[text]])
        assert opponent.choose([turn]) == [uci_moves(turn.legal_actions, turn.frames[-1])["h5f7"]]
    promotion = EnvConfig(name="chess", kwargs={"fen": "6k1/P4ppp/8/8/8/8/8/K7 w - - 0 1"})
    with opened("uci:stockfish;nodes=500", promotion) as opponent:
        turn = turn_after(promotion, [])
        assert opponent.choose([turn]) == [uci_moves(turn.legal_actions, turn.frames[-1])["a7a8q"]]


@needs_stockfish
def test_stockfish_is_told_the_same_position_after_castling_and_underpromotion() -> None:
    rng = np.random.default_rng(3)
    for config in (CASTLING, PROMOTIONS):
        with opened("uci:stockfish;depth=1", config) as opponent:
            turns = [turn_after(config, random_moves(config, int(rng.integers(1, 30)), rng), table=table) for table in range(6)]
            turns = [turn for turn in turns if turn.legal_actions.any()]
            assert all(turn.legal_actions[action] for turn, action in zip(turns, opponent.choose(turns), strict=True))
