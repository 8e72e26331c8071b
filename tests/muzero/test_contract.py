"""The contract of a game finds every breach, names the rule, and never raises; a sound game keeps all of it."""

import re
import time

import pytest

from muzero.config import EnvConfig
from muzero.errors import UnsupportedGame, UserError
from muzero.games import make_game
from muzero.games.contract import FIRST, FURTHER, ContractCheck, check_contract, quick_check

MADE, SPEC, OVERWRITE, PLAYED = FIRST
ENDS = "Random games end within max_moves, and something is legal until then."
STEPS = "Rewards are finite, and a game ends by its rules or by a cut, not both."
REPEATS = "Seed and actions decide the episode, whatever was played before."
ALIKE = "Every action looks different to the network."
TURNED = "Symmetries keep frames, legal actions and rewards."
BREACHES = [
    ("MissingMethod", MADE, "the method frame is missing"),
    ("RaisesOnReset", MADE, "RuntimeError: no board left"),
    ("ThreePlayers", SPEC, "spec.num_players is 3"),
    ("WrongFrameDtype", SPEC, "encoding board needs int8 with 2 axes"),
    ("WrongBoardShape", SPEC, "spec.board_shape is (9, 1)"),
    ("WrongActionShape", SPEC, "spec.action_shape is (3, 3)"),
    ("MovesOffTheBoard", SPEC, "spec.moves_per_point is 2 on a board of (3, 3), which takes 18 actions: there are 9"),
    ("HalfAMove", SPEC, "spec.moves_per_point is 0.5"),
    ("UnknownEncoding", SPEC, "'hexagons'"),
    ("NoValueBounds", SPEC, "spec.value_bounds is None"),
    ("HalfFrame", OVERWRITE, "frame of one position came out differently"),
    ("OnlyAddsLegal", OVERWRITE, "legal_actions of one position came out differently"),
    ("PlaysWhenAsked", OVERWRITE, "change nothing"),
    ("GymnasiumStep", OVERWRITE, "step must return a Step(reward, is_terminal, is_truncated), not tuple"),
    ("RaisesInTheEnd", PLAYED, "IndexError: seventh stone (broken_games.py, line "),
    ("LeavesInTheEnd", PLAYED, "SystemExit: 7 (broken_games.py, line "),
    ("ChangingSpec", "The same configuration gives the same spec.", "different specs"),
    ("Endless", ENDS, "goes on after spec.max_moves (5)"),
    ("Stuck", ENDS, "nothing is legal after 5 moves"),
    ("LegalAfterTheEnd", "Nothing is legal after the end.", "1 actions are legal after the end"),
    ("MovesTwice", "Players take turns.", "player 0 is to move after 1 moves: it must be player 1"),
    ("OtherFrameNumbers", "Frames keep the range of their encoding.", "the frame holds -1 to 1"),
    ("Picture", "Frames keep the range of their encoding.", "the frame holds 0 to 255, encoding planes needs numbers around 1"),
    ("InfiniteFrame", "Frames keep the range of their encoding.", "not finite"),
    ("RewardOfNumpy", STEPS, "float32"),
    ("RewardNotANumber", STEPS, "the reward is nan"),
    ("EndedAndCut", STEPS, "both True"),
    ("TooMuchReward", "Returns stay within value_bounds.", "returns from 2 to 2"),
    ("LopsidedBounds", "The bounds of the value are the same for both players.", "it must be (-1, 1)"),
    ("ForgetsToReset", REPEATS, "came out differently after 0 moves"),
    ("UnseededChance", REPEATS, "came out differently after 0 moves"),
    ("LegalButRefused", "Every legal action can be played.", "ValueError: the last square is not for beginners"),
    ("ActionsAlike", ALIKE, "shows actions 3 and 4 alike"),
    ("PlanesOfOtherShape", ALIKE, "must be float32 (9, 1, 3, 3), not float32 (9, 9)"),
    ("PlanesOfOtherShape", ALIKE, "give each action its (1, 3, 3), or leave out spec.action_shape, which shows actions by their number"),
    ("PlanesWithoutShape", ALIKE, "(9, 9), not float32 (9, 1, 3, 3): set spec.action_shape to (1, 3, 3), or leave out action_planes"),
    ("NoPlanes", ALIKE, "must be float32 (9, 1, 3, 3), not NoneType"),
    ("NumberedByColumn", ALIKE, "so action 1 belongs to row 0, column 1, but action_planes() shows it elsewhere"),
    ("InfinitePlanes", ALIKE, "action_planes() holds numbers that are not finite"),
    ("PlanesRaise", ALIKE, "ValueError: no picture (broken_games.py, line "),
    ("WrongSymmetry", TURNED, "is not that of the transformed position"),
    ("SymmetryTable", TURNED, "symmetries().cell must be an integer table [G, 9]"),
    ("SymmetryOfFloats", TURNED, "symmetries().action must be an integer table [G, 9]"),
    ("SymmetriesAsTuple", TURNED, "must return a muzero.symmetries.Symmetries, not tuple"),
    ("NoSymmetryAtAll", TURNED, "symmetries().cell must be an integer table [G, 9]"),
    ("ShallowClone", "A copy shows the same position and leaves the original alone.", "changed frame"),
    ("ShowsTheLastMove", "Equal positions look equal, however they were reached.", "to the same key, but to other frames"),
]
SEEN_AT_ONCE = ("MissingMethod", "ThreePlayers", "HalfFrame", "GymnasiumStep", "RaisesInTheEnd", "Stuck", "LegalAfterTheEnd")
SEEN_AT_ONCE += ("MovesTwice", "OtherFrameNumbers", "InfiniteFrame", "RewardOfNumpy")
SEEN_AT_ONCE += ("PlanesOfOtherShape", "NoPlanes", "InfinitePlanes", "PlanesRaise")
SEEN_AT_ONCE += ("SymmetryTable", "SymmetryOfFloats", "SymmetriesAsTuple", "NoSymmetryAtAll", "LeavesInTheEnd")


def config_of(class_name: str) -> EnvConfig:
    return EnvConfig(name=f"tests.muzero.broken_games:{class_name}")


def checks_of(class_name: str, *, num_games: int = 5) -> dict[str, ContractCheck]:
    return {check.name: check for check in check_contract(config_of(class_name), num_games=num_games)}


@pytest.mark.parametrize("class_name", ["Sound", "Alone", "FirstSquareBlocked"])
def test_a_sound_game_keeps_every_rule(class_name: str) -> None:
    checks = checks_of(class_name)
    assert [check.detail for check in checks.values() if not check.is_met] == []
    assert list(checks) == [*FIRST, *FURTHER]
    assert all(check.detail for check in checks.values())


@pytest.mark.parametrize(("class_name", "rule", "sentence"), BREACHES, ids=[f"{breach[0]}: {breach[2]}" for breach in BREACHES])
def test_each_breach_is_found_by_its_rule(class_name: str, rule: str, sentence: str) -> None:
    # One of 20 random games would begin with the action that LegalButRefused refuses, and not get as far as this rule.
    check = checks_of(class_name, num_games=1 if class_name == "LegalButRefused" else 20)[rule]
    assert not check.is_met
    assert sentence in check.detail


def test_every_rule_is_broken_by_some_class() -> None:
    assert {rule for _, rule, _ in BREACHES} == {*FIRST, *FURTHER}


def test_a_breach_of_a_first_rule_ends_the_list() -> None:
    assert list(checks_of("HalfFrame")) == [MADE, SPEC, OVERWRITE]


def test_a_game_that_cannot_be_made_is_a_rule_not_kept() -> None:
    (check,) = check_contract(EnvConfig(name="tests.muzero.nowhere:Nothing"))
    assert not check.is_met and "cannot import tests.muzero.nowhere" in check.detail


def test_a_step_that_never_returns_is_a_rule_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muzero.games.contract_episodes.STEP_SECONDS", 0.2)
    check = checks_of("NeverReturns", num_games=1)[PLAYED]
    assert not check.is_met and re.fullmatch(r"step\(\d\) did not return within 0.2 s: let it end.", check.detail)


def test_no_games_are_refused() -> None:
    with pytest.raises(UserError, match="give at least 1"):
        check_contract(config_of("Sound"), num_games=0)


def test_a_symmetry_that_changes_the_first_position_is_told_apart() -> None:
    assert checks_of("Sound")[TURNED].detail == "the identity and 7 more that were played"
    assert "the identity and 1 more that were played; 6 more change the first position" in checks_of("FirstSquareBlocked")[TURNED].detail


def test_the_result_of_random_games_is_told_from_both_sides() -> None:
    detail = checks_of("Sound")["The bounds of the value are the same for both players."].detail
    assert detail == "first player won 5, second player won 0, drawn 0"


def test_the_quick_check_accepts_a_sound_game_in_a_moment() -> None:
    game = make_game(config_of("Sound"))
    started = time.perf_counter()
    quick_check(game)
    assert time.perf_counter() - started < 0.3


@pytest.mark.parametrize("class_name", SEEN_AT_ONCE)
def test_the_quick_check_refuses_in_one_sentence(class_name: str) -> None:
    expected = next(sentence for name, _, sentence in BREACHES if name == class_name)
    with pytest.raises(UnsupportedGame, match="breaks the contract of a game: ") as refusal:
        quick_check(make_game(config_of(class_name)))
    assert expected in str(refusal.value) and "\n" not in str(refusal.value)


def test_the_second_player_may_begin() -> None:
    black_begins = EnvConfig(name="chess", kwargs={"fen": "4k3/8/8/8/8/8/4P3/4K3 b - - 0 1"})
    assert all(check.is_met for check in check_contract(black_begins, num_games=2))
