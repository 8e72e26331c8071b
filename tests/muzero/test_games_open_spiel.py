"""The OpenSpiel adapter: any game by its game string, its refusals, players, positions and copies."""

import os
import re
import time

import numpy as np
import pyspiel
import pytest

from muzero.config import EnvConfig
from muzero.errors import UnknownName, UnsupportedGame
from muzero.games import BoardGame, make_game
from muzero.games.alternating_turns import require_alternating_turns
from muzero.games.openspiel_game import OpenSpielGame, View, load_rules
from tests.muzero.positions import frame_of

PLAYABLE = {
    *("antichess", "breakthrough", "chess", "clobber", "connect_four", "crazyhouse", "go", "gomoku", "havannah", "hex", "hive"),
    *("lines_of_action", "mnk", "nim", "othello", "oware", "pentago", "quoridor", "shogi", "tic_tac_toe", "twixt", "xiangqi", "y"),
}
MOVES_TWICE = {
    *("amazons", "checkers", "chinese_checkers", "cursor_go", "dots_and_boxes", "mancala", "nine_mens_morris", "ultimate_tic_tac_toe")
}


def new_game(game_string: str, **kwargs: object) -> BoardGame:
    """Returns a game by its game string."""
    game = make_game(EnvConfig(name=f"openspiel:{game_string}", kwargs=kwargs))
    assert isinstance(game, BoardGame)
    return game


def test_all_games_of_open_spiel_are_playable_or_refused_as_listed() -> None:
    playable, moves_twice = set(), set()
    for name in (kind.short_name for kind in pyspiel.registered_games() if kind.default_loadable):
        try:
            require_alternating_turns(load_rules(name))
            playable.add(name)
        except UnsupportedGame as error:
            if "twice in a row" in str(error):
                moves_twice.add(name)
    assert (playable, moves_twice) == (PLAYABLE, MOVES_TWICE)


@pytest.mark.parametrize("game_string", ["breakthrough(rows=6,columns=6)", "nim(pile_sizes=3;4;5)", "chess", "oware"])
def test_frames_are_open_spiels_observation_of_the_first_player(game_string: str) -> None:
    rng, game = np.random.default_rng(0), new_game(game_string)
    state = pyspiel.load_game(game_string).new_initial_state()
    first_player, legal = state.current_player(), np.zeros(game.spec.num_actions, np.bool_)
    while not state.is_terminal() and state.move_number() < 40:
        expected = np.array(state.observation_tensor(first_player), np.float32).reshape(game.spec.frame_shape)
        np.testing.assert_array_equal(frame_of(game), expected)
        game.legal_actions(legal)
        assert np.flatnonzero(legal).tolist() == sorted(state.legal_actions())
        player, action = state.current_player(), int(rng.choice(state.legal_actions()))
        assert game.to_play() == (player != first_player)
        state.apply_action(action)
        step = game.step(action)
        assert (step.reward, step.is_terminal) == (state.rewards()[player], state.is_terminal())


def test_planes_and_vectors_are_told_apart_by_the_axes_of_the_observation() -> None:
    planes, vector = new_game("breakthrough(rows=6,columns=5)").spec, new_game("gomoku(size=9)").spec
    assert (planes.encoding, planes.frame_shape, planes.board_shape) == ("planes", (3, 6, 5), (6, 5))
    assert (vector.encoding, vector.frame_shape, vector.board_shape) == ("vector", (243,), ())
    assert planes.action_shape == vector.action_shape == ()


def test_parameters_come_from_the_name_and_from_kwargs_and_the_name_wins() -> None:
    assert new_game("breakthrough(rows=6)", columns=5, rows=7).spec.board_shape == (6, 5)


def test_white_of_chess_is_the_first_player_and_wins_for_itself() -> None:
    game, state = new_game("chess"), pyspiel.load_game("chess").new_initial_state()
    for text in ("f3", "e5", "g4", "Qh4#"):  # fool's mate, by Black
        player, action = game.to_play(), state.string_to_action(text)
        state.apply_action(action)
        step = game.step(action)
    assert (player, step.reward, step.is_terminal) == (1, 1.0, True)


@pytest.mark.parametrize(
    ("game_string", "reason"),
    [
        ("backgammon", "no chance"),
        ("kuhn_poker", "perfect information"),
        ("goofspiel", "in turn"),
        ("catch", "two players"),
        ("chinese_checkers(players=3)", "two players"),
        ("bargaining", "zero sum"),
    ],
)
def test_unplayable_rules_are_refused_with_the_reason(game_string: str, reason: str) -> None:
    with pytest.raises(UnsupportedGame, match=f"'{re.escape(game_string)}' cannot be played, it lacks .*{reason}.*: choose another game."):
        new_game(game_string)


def test_unknown_games_are_refused_with_the_nearest_playable_name() -> None:
    with pytest.raises(UnknownName, match="unknown game of OpenSpiel 'breakthru': did you mean breakthrough?"):
        new_game("breakthru")
    with pytest.raises(UnknownName, match="unknown game of OpenSpiel '': known: antichess, breakthrough, chess, clobber, connect_four, "):
        new_game("")


@pytest.mark.parametrize(
    ("game_string", "reason"),
    [
        ("breakthrough(colums=6)", "Unknown parameter 'colums'. Available parameters are: columns, rows"),
        ("breakthrough(rows=six)", "Wrong type for parameter rows"),
        ("breakthrough(rows=6", "Missing closing bracket"),
        ("breakthrough(rows=6,columns=6))", "goes on behind its closing bracket"),
        ("misere(game=tic_tac_toe())x", "goes on behind its closing bracket"),
        ("go(board_size=25)", "supports board size up to 19"),
        ("go(board_size=0)", "0 actions"),
        ("mnk(m=0,n=0,k=0)", "0 actions and observations of shape (3, 0, 0)"),
        ("oware(num_houses_per_player=0)", "0 actions"),
        ("hex(board_size=-2)", "shape (9, -2, -2)"),
        ("gomoku(size=400)", "160000 actions"),
        ("oware(num_seeds_per_house=0)", "is over before its first move"),
    ],
)
def test_wrong_parameters_are_refused_in_one_sentence(game_string: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnsupportedGame) as error:
        new_game(game_string)
    assert reason in str(error.value) and "\n" not in str(error.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("rows", "reason"), [(-3, "-288 actions"), (10**12, "Unable to cast"), ([1], "TypeError"), (6.5, "Expected type: kInt")]
)
def test_wrong_keyword_arguments_are_refused_in_one_sentence(rows: object, reason: str) -> None:
    with pytest.raises(UnsupportedGame, match=reason) as error:
        new_game("breakthrough", rows=rows)
    assert "\n" not in str(error.value)


def test_what_open_spiel_raises_later_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(rules: object) -> None:
        raise pyspiel.SpielError("board.cc:124 rows_ > 1\nrows_ = -3, 1 = 1")

    monkeypatch.setattr("muzero.games.openspiel_game.require_alternating_turns", refuse)
    with pytest.raises(UnsupportedGame, match=r"cannot load 'hex' with \{\} \(SpielError: board.cc:124 rows_ > 1\): correct it.$"):
        new_game("hex")


def test_a_game_within_a_game_is_read_to_its_last_bracket() -> None:
    assert new_game("misere(game=tic_tac_toe())").spec.num_actions == 9


def test_stderr_is_open_again_after_a_refusal(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnsupportedGame):
        new_game("go(board_size=25)")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_games_are_looked_at_for_a_bounded_time_and_once() -> None:
    rules = load_rules("hive")
    start = time.perf_counter()
    require_alternating_turns(rules)
    first = time.perf_counter() - start
    require_alternating_turns(rules)
    assert first < 2.0
    assert time.perf_counter() - start - first < 0.05


def test_a_player_who_moves_twice_in_a_row_is_refused_before_the_first_game_and_during_one() -> None:
    with pytest.raises(UnsupportedGame, match="twice in a row: choose a game whose players alternate."):
        new_game("dots_and_boxes")
    rules = load_rules("dots_and_boxes(num_rows=1,num_cols=2)")
    game = OpenSpielGame("dots", rules, View((1,), "float32", "vector", (), lambda observation, num_moves, out: None))
    with pytest.raises(UnsupportedGame, match="twice in a row"):
        for action in range(rules.num_distinct_actions()):
            game.step(action)


def test_a_copy_goes_its_own_way() -> None:
    game = new_game("breakthrough")
    before, key, twin = frame_of(game), game.key(), game.clone()
    legal = np.zeros(game.spec.num_actions, np.bool_)
    twin.legal_actions(legal)
    twin.step(int(np.flatnonzero(legal)[0]))
    assert (game.key(), game.to_play(), twin.to_play()) == (key, 0, 1)
    assert twin.key() != key and not np.array_equal(frame_of(twin), before)
    np.testing.assert_array_equal(frame_of(game), before)
