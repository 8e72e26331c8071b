"""Matches, episodes and the exhaustive walk, with the real search on models that know which move they want."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from muzero.config import EnvConfig, SearchConfig
from muzero.errors import OpponentFailed, UnsupportedGame, UserError
from muzero.games import BoardGame, make_game
from muzero.match_result import Tally
from muzero.matches import MatchResult, evaluate, play_matches, walk_all_replies, whole_games
from muzero.opponents import RESIGNATION, Opponent, Turn
from muzero.opponents.perfect import PerfectOpponent
from muzero.opponents.random_moves import RandomOpponent
from muzero.search import BatchedSearch, FunctionModel
from muzero.types import Model, Observation

TICTACTOE = EnvConfig(name="tictactoe")
CARTPOLE = EnvConfig(name="cartpole")
TINY_CONNECT4 = EnvConfig(name="connect4", kwargs={"rows": 2, "columns": 2, "x_in_row": 2})
PERFECT = PerfectOpponent(TICTACTOE)
Choice = Callable[[np.ndarray], int]
"""An agent: which action it wants in a frame."""


def agent_of(
    choose: Choice, config: EnvConfig, *, num_trees: int = 5, seen: list[Observation] | None = None
) -> tuple[Model, BatchedSearch]:
    """Returns a model with all its policy on the chosen action, and a search of one simulation, which plays it if it is legal."""
    spec, settings = make_game(config).spec, SearchConfig(rule="puct", num_simulations=1)

    def initial(observation: Observation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if seen is not None:
            seen.append(Observation(observation.frames.copy(), observation.to_play.copy()))
        logits = np.zeros((num_trees, spec.num_actions), np.float32)
        logits[np.arange(num_trees), [choose(frames[-1]) for frames in observation.frames]] = 10.0
        return np.zeros((num_trees, 1), np.float32), np.zeros(num_trees, np.float32), logits

    def recurrent(hidden_state: np.ndarray, action: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        zeros = np.zeros(num_trees, np.float32)
        return hidden_state, zeros, zeros, np.zeros((num_trees, spec.num_actions), np.float32)

    search = BatchedSearch(settings, num_trees=num_trees, spec=spec)
    return FunctionModel(initial, recurrent, num_nodes=search.num_nodes, num_priors=search.num_priors), search


def first_empty_cell(board: np.ndarray) -> int:
    return int(np.argmax(board.ravel() == 0))


def leftmost_open_column(board: np.ndarray) -> int:
    return int(np.argmax(board[0] == 0))


def best_cell(board: np.ndarray) -> int:
    """Returns the first of the best moves in tic-tac-toe, by exhaustive minimax."""
    return PERFECT.best_actions(game_of_board(board), board.ravel() == 0)[0]


def game_of_board(board: np.ndarray) -> BoardGame:
    """Returns tic-tac-toe in the position of a board, reached in any order of moves that keeps it going."""
    game = make_game(TICTACTOE)
    first, second = np.flatnonzero(board == 1).tolist(), np.flatnonzero(board == 2).tolist()
    for ply in range(len(first) + len(second)):
        game.step((first, second)[ply % 2].pop())
    return game


def naive_lines(game: BoardGame, agent: int, choose: Choice) -> Counter[float]:
    """Counts finished lines by what they earned the agent, one by one, without merging positions."""
    lines: Counter[float] = Counter()
    legal_actions, frame = np.zeros(game.spec.num_actions, np.bool_), np.zeros(game.spec.frame_shape, np.int8)
    game.legal_actions(legal_actions)
    game.frame(frame)
    is_agents_turn = game.to_play() == agent
    for action in [choose(frame)] if is_agents_turn else np.flatnonzero(legal_actions).tolist():
        child = game.clone()
        step = child.step(action)
        lines += Counter({step.reward if is_agents_turn else -step.reward: 1}) if step.is_terminal else naive_lines(child, agent, choose)
    return lines


@pytest.mark.parametrize("num_trees", [1, 7])
@pytest.mark.parametrize("choose", [first_empty_cell, best_cell])
def test_walk_counts_the_lines_that_a_naive_recursion_counts(choose: Choice, num_trees: int) -> None:
    expected = sum((naive_lines(make_game(TICTACTOE), agent, choose) for agent in (0, 1)), Counter())
    result = walk_all_replies(*agent_of(choose, TICTACTOE, num_trees=num_trees), TICTACTOE)
    assert (result.games, result.wins, result.draws, result.losses) == (expected.total(), expected[1.0], expected[0.0], expected[-1.0])


def test_walk_of_a_tiny_board_by_hand() -> None:
    # Two in a row win on 2 x 2: the agent wins both lines when it starts and, playing the leftmost column, loses all three otherwise.
    result = walk_all_replies(*agent_of(leftmost_open_column, TINY_CONNECT4), TINY_CONNECT4)
    assert result == MatchResult(
        "perfect", 5, 2, 0, 3, 0.4, losing_lines=3, mean_return=-0.2, as_first=Tally(2, 0, 0), as_second=Tally(0, 0, 3)
    )


def test_walk_finds_no_losing_line_of_a_perfect_agent_and_some_of_a_careless_one() -> None:
    perfect = walk_all_replies(*agent_of(best_cell, TICTACTOE), TICTACTOE)
    careless = walk_all_replies(*agent_of(first_empty_cell, TICTACTOE), TICTACTOE)
    assert perfect.losing_lines == 0 and perfect.wins > 0 and perfect.draws > 0
    assert careless.losing_lines == careless.losses > 0


def test_walk_searches_equal_positions_of_a_ply_once() -> None:
    seen: list[Observation] = []
    walk_all_replies(*agent_of(first_empty_cell, TICTACTOE, num_trees=1, seen=seen), TICTACTOE)
    boards = [observation.frames.tobytes() for observation in seen]
    assert len(boards) == len(set(boards))


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_walk_finds_losing_lines_of_a_search_that_knows_nothing(rule: str) -> None:
    spec = make_game(TICTACTOE).spec
    search = BatchedSearch(SearchConfig(rule=rule, num_simulations=8), num_trees=16, spec=spec)
    zeros, logits = np.zeros(16, np.float32), np.zeros((16, 9), np.float32)
    model = FunctionModel(
        lambda observation: (zeros, zeros, logits),
        lambda hidden_state, action: (zeros, zeros, zeros, logits),
        num_nodes=search.num_nodes,
        num_priors=search.num_priors,
    )
    assert walk_all_replies(model, search, TICTACTOE).losing_lines > 0


def test_walk_refuses_a_game_without_positions_to_compare() -> None:
    with pytest.raises(UnsupportedGame, match="'cartpole' cannot be walked"):
        walk_all_replies(*agent_of(lambda frame: 0, CARTPOLE), CARTPOLE)


def test_matches_do_not_depend_on_how_many_are_played_at_a_time() -> None:
    results = [
        play_matches(*agent_of(first_empty_cell, TICTACTOE, num_trees=n), TICTACTOE, RandomOpponent(), num_games=23, seed=4)
        for n in (1, 6, 40)
    ]
    assert results[0] == results[1] == results[2]


def test_matches_depend_on_the_seed() -> None:
    agent = agent_of(first_empty_cell, TICTACTOE)
    results = {play_matches(*agent, TICTACTOE, RandomOpponent(), num_games=23, seed=seed) for seed in range(4)}
    assert len(results) > 1


def test_result_counts_every_game_once() -> None:
    result = play_matches(*agent_of(first_empty_cell, TICTACTOE), TICTACTOE, RandomOpponent(), num_games=50, seed=0)
    assert result.games == result.wins + result.draws + result.losses == 50
    assert result.score == (result.wins + result.draws / 2) / 50 and result.mean_return == (result.wins - result.losses) / 50
    assert result.opponent == "random" and result.losing_lines == -1 and result.wins > 0 and result.losses > 0


def test_perfect_agent_never_loses_and_careless_agent_never_beats_perfection() -> None:
    perfect = play_matches(*agent_of(best_cell, TICTACTOE), TICTACTOE, RandomOpponent(), num_games=30, seed=0)
    careless = play_matches(*agent_of(first_empty_cell, TICTACTOE), TICTACTOE, PERFECT, num_games=30, seed=0)
    assert perfect.losses == 0 and perfect.wins > 15
    assert careless.wins == 0 and careless.losses > 0 and careless.mean_return < 0


def test_agent_plays_both_colours_in_turn() -> None:
    seen: list[Observation] = []
    play_matches(*agent_of(first_empty_cell, TICTACTOE, num_trees=4, seen=seen), TICTACTOE, RandomOpponent(), num_games=4, seed=0)
    assert seen[0].to_play.tolist() == [0, 1, 0, 1]
    assert np.count_nonzero(seen[0].frames, axis=(1, 2, 3)).tolist() == [0, 1, 0, 1]


def test_episodes_alone_report_their_mean_return_as_score() -> None:
    left = play_matches(*agent_of(lambda frame: 0, CARTPOLE), CARTPOLE, None, num_games=12, seed=0)
    follow = play_matches(*agent_of(lambda frame: int(frame[2] + frame[3] > 0), CARTPOLE), CARTPOLE, None, num_games=3, seed=0)
    assert (left.opponent, left.games, left.wins, left.losing_lines) == ("none", 12, 0, -1)
    assert 8 <= left.mean_return <= 11 and left.score == left.mean_return == left.mean_length  # a point a move
    assert follow.mean_return == follow.mean_length == 500


def test_evaluate_walks_against_perfect_play_and_plays_otherwise() -> None:
    agent = agent_of(first_empty_cell, TICTACTOE)
    walked = evaluate(*agent, TICTACTOE, PERFECT, num_games=2, seed=0)
    played = evaluate(*agent, TICTACTOE, RandomOpponent(), num_games=2, seed=0)
    alone = evaluate(*agent_of(lambda frame: 0, CARTPOLE), CARTPOLE, None, num_games=2, seed=0)
    assert walked == walk_all_replies(*agent, TICTACTOE)
    assert (played.games, played.losing_lines) == (2, -1)
    assert (alone.games, alone.opponent) == (2, "none")


@pytest.mark.parametrize("opponent", [PERFECT, RandomOpponent()])
@pytest.mark.parametrize("num_answers", [0, 2])
def test_evaluation_ends_without_a_result_when_asked_to_stop(opponent: Opponent, num_answers: int) -> None:
    answers = iter([False] * num_answers + [True])
    agent = agent_of(first_empty_cell, TICTACTOE, num_trees=1)
    assert evaluate(*agent, TICTACTOE, opponent, num_games=9, seed=0, should_stop=lambda: next(answers)) is None
    assert next(answers, None) is None


def test_senseless_counts_are_refused() -> None:
    agent = agent_of(first_empty_cell, TICTACTOE)
    with pytest.raises(UserError, match="number of games is 0"):
        evaluate(*agent, TICTACTOE, RandomOpponent(), num_games=0, seed=0)
    with pytest.raises(UserError, match="number of opening moves is -1"):
        evaluate(*agent, TICTACTOE, RandomOpponent(), num_games=2, seed=0, opening_moves=-1)
    with pytest.raises(UserError, match="opening moves are for games against an opponent"):
        evaluate(*agent_of(lambda frame: 0, CARTPOLE), CARTPOLE, None, num_games=2, seed=0, opening_moves=1)
    with pytest.raises(UserError, match="9 random opening moves end nearly every game of 'tictactoe'"):
        evaluate(*agent, TICTACTOE, RandomOpponent(), num_games=2, seed=0, opening_moves=9)


class Scripted:
    """Plays what a function of its turn says, and remembers the moves it was shown."""

    name = "scripted"

    def __init__(self, choose: Callable[[Turn], int]) -> None:
        self._choose, self.shown = choose, list[list[int]]()

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        self.shown += [list(turn.moves) for turn in turns]
        return [self._choose(turn) for turn in turns]

    def close(self) -> None:
        """Holds nothing."""


def last_legal(turn: Turn) -> int:
    return int(np.flatnonzero(turn.legal_actions)[-1])


def test_both_games_of_a_pair_start_from_the_same_random_opening() -> None:
    opponent = Scripted(last_legal)
    play_matches(*agent_of(first_empty_cell, TICTACTOE, num_trees=1), TICTACTOE, opponent, num_games=12, seed=0, opening_moves=2)
    openings = [tuple(moves[:2]) for moves in opponent.shown if len(moves) in (2, 3)]  # it moves first, or second, after the opening
    assert openings[0::2] == openings[1::2] and len(openings) == 12
    assert len(set(openings)) > 3


def test_a_result_tells_colours_openings_and_different_games() -> None:
    # Without openings two players who always do the same play two games: one for each colour.
    plain = play_matches(*agent_of(first_empty_cell, TICTACTOE), TICTACTOE, Scripted(last_legal), num_games=9, seed=0)
    opened = play_matches(*agent_of(first_empty_cell, TICTACTOE), TICTACTOE, Scripted(last_legal), num_games=9, seed=0, opening_moves=3)
    assert (plain.as_first.games, plain.as_second.games, plain.distinct_games, plain.opening_moves) == (5, 4, 2, 0)
    assert (opened.opening_moves, opened.games) == (3, 9) and opened.distinct_games > 4
    assert (plain.wins, plain.losses) == (plain.as_first.wins + plain.as_second.wins, plain.as_first.losses + plain.as_second.losses)


def test_a_resignation_is_a_win_and_ends_the_game() -> None:
    result = play_matches(*agent_of(first_empty_cell, TICTACTOE), TICTACTOE, Scripted(lambda turn: RESIGNATION), num_games=6, seed=0)
    assert (result.wins, result.score, result.mean_return) == (6, 1.0, 1.0)
    assert result.mean_length == 1.5  # the opponent resigns at once, or after the agent's first move
    assert (result.elo.difference, result.elo.high) == (None, None) and result.elo.low > 0


@pytest.mark.parametrize("action", [-2, 0, 9])
def test_an_illegal_move_of_the_opponent_is_named(action: int) -> None:
    agent = agent_of(first_empty_cell, TICTACTOE, num_trees=1)
    with pytest.raises(OpponentFailed, match=rf"opponent 'scripted' played {action} after \[0\] of 'tictactoe', which is illegal"):
        play_matches(*agent, TICTACTOE, Scripted(lambda turn: action), num_games=1, seed=0)


def test_progress_is_told_until_all_games_but_the_latest_are_over() -> None:
    told: list[int] = []
    agent = agent_of(first_empty_cell, TICTACTOE, num_trees=1)
    play_matches(*agent, TICTACTOE, RandomOpponent(), num_games=3, seed=0, on_progress=lambda returns: told.append(len(returns)))
    assert told[0] == 0 and told[-1] == 2 and told == sorted(told)


def test_a_result_counts_whole_games_also_where_training_ends_at_a_lost_life() -> None:
    kwargs = {"life_loss_is_terminal": True, "noop_max": 3}
    assert whole_games(EnvConfig(name="atari:Breakout", kwargs=kwargs)).kwargs == {"life_loss_is_terminal": False, "noop_max": 3}
    assert whole_games(EnvConfig(name="tictactoe")) == EnvConfig(name="tictactoe")
