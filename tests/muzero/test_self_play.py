"""Self-play with a made-up network: what trajectories say is what happened, whatever else is played beside them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from muzero.config import EnvConfig, SearchConfig, SelfPlayConfig
from muzero.errors import EnvironmentFailed
from muzero.games import make_game
from muzero.search import BatchedSearch
from muzero.self_play import Episode, SelfPlay, sample_visits, sparse_policy
from muzero.types import HISTORY_ONLY, NO_ACTION, InitialReply, InitialRequest, RecurrentReply, Trajectory
from tests.muzero.counting_game import NUM_FRAMES, counting_config

TICTACTOE = EnvConfig(name="tictactoe")
SHORT_CARTPOLE = EnvConfig(name="cartpole", kwargs={"max_episode_steps": 10})
SEARCH = SearchConfig(num_simulations=6)
VERSION = 3


class Player:
    """Self-play against a network that thinks a little of everything, computed from frames, nodes and actions."""

    def __init__(self, game: EnvConfig = TICTACTOE, num_games: int = 3, *, search: SearchConfig = SEARCH, **config: Any) -> None:
        self.spec = make_game(game).spec
        self.num_started = 0
        trees = BatchedSearch(search, num_trees=num_games, spec=self.spec)
        self.play = SelfPlay(
            game,
            search,
            SelfPlayConfig(**config),
            trees,
            seed=5,
            actor_index=2,
            policy_entries=self.spec.num_actions,
            next_game_index=self._next,
        )
        self.trajectories: list[Trajectory] = []
        self.episodes: list[Episode] = []
        self.failures: list[str] = []
        self.num_moves = 0
        self._actions = np.arange(self.spec.num_actions, dtype=np.float32)
        self._num_priors = trees.num_priors

    def moves(self, count: int) -> "Player":
        for _ in range(count):
            self._move()
        return self

    def until(self, is_enough: Callable[[], bool]) -> "Player":
        while not is_enough():
            self._move()
        return self

    def _next(self) -> int:
        self.num_started += 1
        return self.num_started - 1

    def _move(self) -> None:
        move = self.play.play_move()
        reply: Any = None
        while True:
            try:
                request = move.send(reply)
            except StopIteration as stop:
                self.trajectories += stop.value.trajectories
                self.episodes += stop.value.episodes
                self.num_moves += stop.value.num_moves
                self.failures += stop.value.failures
                return
            reply = self._initial(request) if isinstance(request, InitialRequest) else self._recurrent(request)

    def _initial(self, request: InitialRequest) -> InitialReply:
        frames = request.observation.frames.reshape(len(request.observation.to_play), -1).astype(np.float32)
        score = np.sin(frames @ np.linspace(0.1, 1.0, frames.shape[1], dtype=np.float32))
        score = np.round(score, 3)  # the last bits depend on the number of games
        return InitialReply(score, np.round(np.sin(9 * score[:, None] + self._actions), 3), VERSION)

    def _recurrent(self, request: Any) -> RecurrentReply:
        score = np.round(np.sin(request.action * 1.7 + request.parent_node), 3).astype(np.float32)
        prior = np.round(np.exp(np.sin(score[:, None] * 3 + self._actions)), 3)
        order = np.argsort(-prior, axis=1)[:, : self._num_priors].astype(np.int32)
        prior = np.round(prior / prior.sum(axis=1, keepdims=True), 4)
        return RecurrentReply(0.1 * score, score, np.take_along_axis(prior, order, axis=1).astype(np.float32), order)


def columns(trajectory: Trajectory) -> dict[str, Any]:
    return dict(vars(trajectory))


def assert_same_games(one: list[Trajectory], other: list[Trajectory]) -> None:
    others = {(trajectory.game_index, trajectory.first_move): trajectory for trajectory in other}
    common = [trajectory for trajectory in one if (trajectory.game_index, trajectory.first_move) in others]
    assert len(common) >= 3
    for trajectory in common:
        match = columns(others[trajectory.game_index, trajectory.first_move])
        for name, value in columns(trajectory).items():
            np.testing.assert_array_equal(value, match[name], err_msg=name)


def test_a_stored_game_is_a_legal_game_with_its_rewards_and_players() -> None:
    player = Player()
    player.until(lambda: len(player.trajectories) >= 12)
    for trajectory in player.trajectories:
        replay_and_check(trajectory)
    assert sorted(t.game_index for t in player.trajectories) == sorted({t.game_index for t in player.trajectories})


def replay_and_check(trajectory: Trajectory) -> None:
    """Plays a stored game again by the rules and asserts each row."""
    game, legal = make_game(TICTACTOE), np.zeros(9, np.bool_)
    game.reset(0)
    frame = np.zeros(game.spec.frame_shape, game.spec.frame_dtype)
    last = len(trajectory) - 1
    for row, action in enumerate(trajectory.action):
        game.frame(frame)
        game.legal_actions(legal)
        np.testing.assert_array_equal(trajectory.frame[row], frame)
        assert trajectory.to_play[row] == game.to_play() == row % 2
        assert legal[action]
        np.testing.assert_array_equal(trajectory.policy_weight[row][~legal], 0.0)
        step = game.step(int(action))
        assert (trajectory.reward[row], step.is_terminal) == (step.reward, row == last)
    assert trajectory.is_terminal
    assert (trajectory.version == VERSION).all()
    np.testing.assert_allclose(trajectory.policy_weight.sum(axis=1), 1.0, atol=1e-5)
    assert (trajectory.actor_index, trajectory.first_move) == (2, 0)


def test_returns_are_the_first_players_and_moves_are_counted() -> None:
    player = Player(num_games=1)
    player.until(lambda: len(player.episodes) >= 6)
    for trajectory, episode in zip(player.trajectories, player.episodes, strict=True):
        signs = np.where(trajectory.to_play == 0, 1.0, -1.0)
        assert episode == Episode(float((trajectory.reward * signs).sum()), len(trajectory))
    assert player.num_moves == sum(episode.num_moves for episode in player.episodes)
    assert len({episode.total_reward for episode in player.episodes}) > 1


def test_an_episode_cut_by_a_time_limit_ends_with_a_row_that_only_bootstraps() -> None:
    player = Player(SHORT_CARTPOLE)
    player.until(lambda: any(not t.is_terminal for t in player.trajectories))
    cut = next(trajectory for trajectory in player.trajectories if not trajectory.is_terminal)
    assert len(cut) == 11
    assert cut.action[-1] == NO_ACTION
    assert cut.reward[-1] == 0.0
    assert (cut.action[:-1] != NO_ACTION).all()
    assert (cut.reward[:-1] == 1.0).all()
    assert cut.root_value[-1] != 0.0
    assert Episode(10.0, 10) in player.episodes


def test_moves_of_cut_episodes_are_counted_without_the_last_search() -> None:
    player = Player(SHORT_CARTPOLE, num_games=1)
    player.until(lambda: len(player.episodes) >= 5)
    assert player.num_moves == sum(episode.num_moves for episode in player.episodes)


def test_a_long_episode_is_stored_in_pieces_that_overlap_by_the_row_they_bootstrap_from() -> None:
    long_cartpole = EnvConfig(name="cartpole", kwargs={"max_episode_steps": 40})
    player = Player(long_cartpole, num_games=4, max_trajectory_steps=8, temperature_moves=0)
    player.until(lambda: sum(t.first_move > 0 for t in player.trajectories) >= 6)
    pieces = {(t.game_index, t.first_move): t for t in player.trajectories}
    later = [piece for (_, first_move), piece in pieces.items() if first_move > 0]
    for piece in later:
        before = pieces[piece.game_index, piece.first_move - 8]
        assert len(before) == 9
        assert not before.is_terminal
        assert before.action[-1] == NO_ACTION
        np.testing.assert_array_equal(before.frame[-1], piece.frame[0])
        assert before.root_value[-1] == piece.root_value[0]
        assert piece.action[0] != NO_ACTION


def expected_frames(piece: Trajectory) -> np.ndarray:
    """Returns what the rows of a piece of the counting game must show: the history of the first drawn row, then its rows."""
    num_history = int((piece.action == HISTORY_ONLY).sum())
    first = piece.first_move - num_history
    counts = np.arange(first + 1, first + 1 + len(piece), dtype=np.float32)
    return np.stack([np.full(len(piece), piece.frame[0, 0]), counts], axis=1)


@pytest.mark.parametrize("openings", [0, 6])
def test_pieces_begin_with_the_history_of_their_first_position(openings: int) -> None:
    player = Player(EnvConfig(**counting_config()), max_trajectory_steps=8, random_opening_moves=openings)
    player.until(lambda: len(player.trajectories) >= 20)
    for piece in player.trajectories:
        num_history = min(piece.first_move, NUM_FRAMES - 1)
        np.testing.assert_array_equal(piece.action[:num_history], HISTORY_ONLY)
        assert (piece.action[num_history:-1] >= 0).all()
        np.testing.assert_array_equal(piece.frame, expected_frames(piece))
        np.testing.assert_array_equal(piece.policy_weight[num_history:].sum(axis=1), 1.0)
    assert len({piece.first_move for piece in player.trajectories}) >= 4


@pytest.mark.parametrize("moves", [3, 9, 21])
def test_restored_pieces_keep_their_history(moves: int) -> None:
    game = EnvConfig(**counting_config(num_moves=20))
    straight, restored = (Player(game, max_trajectory_steps=8) for _ in range(2))
    restored.play.load_state(straight.moves(moves).play.state())
    restored.num_started = straight.num_started
    straight.trajectories.clear()
    for player in (straight, restored):
        player.moves(24)
    assert len(straight.trajectories) == len(restored.trajectories)
    assert_same_games(straight.trajectories, restored.trajectories)


def test_an_exception_of_the_environment_ends_its_game_alone() -> None:
    player = Player(EnvConfig(**counting_config(num_moves=10, failing_move=4, healthy_games=2)), num_games=1)
    player.until(lambda: len(player.failures) >= 2)
    assert [t.first_move for t in player.trajectories] == [0, 0]
    assert [episode.num_moves for episode in player.episodes] == [10, 10]
    assert all("ValueError: move 4 is broken" in failure for failure in player.failures)
    assert player.num_started == 5


def test_three_failed_games_in_a_row_end_the_run() -> None:
    player = Player(EnvConfig(**counting_config(failing_move=0)), num_games=1)
    with pytest.raises(EnvironmentFailed, match="raised an exception in 3 games in a row") as failure:
        player.moves(10)
    assert len(player.failures) == 2
    assert len(failure.value.tracebacks) == 1


def test_failures_of_the_last_move_go_with_the_error() -> None:
    player = Player(EnvConfig(**counting_config(failing_move=0)), num_games=4)
    with pytest.raises(EnvironmentFailed) as failure:
        player.moves(1)
    assert [text.splitlines()[-1] for text in failure.value.tracebacks] == ["ValueError: move 0 is broken"] * 3


def test_the_temperature_follows_the_learner() -> None:
    player = Player(temperature=1.0, temperature_schedule=[(10, 0.5), (20, 0.0)])
    temperatures = []
    for steps in (0, 9, 10, 19, 20, 99):
        player.play._learner_steps = lambda steps=steps: steps
        temperatures.append(player.play._temperature())
    assert temperatures == [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]


def test_equal_games_do_not_depend_on_how_many_are_played_at_once() -> None:
    alone, together = Player(num_games=1), Player(num_games=4)
    alone.until(lambda: len(alone.trajectories) >= 6)
    together.until(lambda: len(together.trajectories) >= 8)
    assert_same_games(alone.trajectories, together.trajectories)


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_the_same_seed_plays_the_same_games(rule: str) -> None:
    search = SearchConfig(num_simulations=6, rule=rule)  # type: ignore[arg-type]
    assert_same_games(*(Player(search=search).moves(30).trajectories for _ in range(2)))


@pytest.mark.parametrize("game", [TICTACTOE, SHORT_CARTPOLE])
@pytest.mark.parametrize("moves", [0, 4, 10, 13])
def test_restored_games_go_on_as_if_nothing_had_happened(game: EnvConfig, moves: int) -> None:
    straight = Player(game, max_trajectory_steps=8).moves(moves)
    restored = Player(game, max_trajectory_steps=8)
    restored.play.load_state(straight.play.state())
    restored.num_started = straight.num_started
    straight.trajectories.clear()
    for player in (straight, restored):
        player.moves(20)
    assert len(straight.trajectories) == len(restored.trajectories)
    assert_same_games(straight.trajectories, restored.trajectories)


def test_random_openings_are_played_but_not_stored_and_follow_from_the_seed() -> None:
    players = [Player(num_games=1, random_opening_moves=4) for _ in range(2)]
    for player in players:
        player.moves(120)
    first_moves = [t.first_move for t in players[0].trajectories]
    assert set(first_moves) >= {0, 1, 2}
    assert max(first_moves) <= 4
    assert all(t.to_play[0] == t.first_move % 2 for t in players[0].trajectories)
    assert all(np.count_nonzero(t.frame[0]) == t.first_move for t in players[0].trajectories)
    assert_same_games(players[0].trajectories, players[1].trajectories)


def test_sparse_policies_keep_the_largest_entries_scaled_to_one() -> None:
    policy = np.array([[0.1, 0.4, 0.2, 0.3], [0.7, 0.1, 0.15, 0.05]], np.float32)
    actions, weights = sparse_policy(policy, 2)
    found = [dict(zip(row.tolist(), weight.tolist(), strict=True)) for row, weight in zip(actions, weights, strict=True)]
    assert found[0] == pytest.approx({1: 0.4 / 0.7, 3: 0.3 / 0.7})
    assert found[1] == pytest.approx({0: 0.7 / 0.85, 2: 0.15 / 0.85})
    assert (actions.dtype, weights.dtype) == (np.int32, np.float32)


def test_policies_that_fit_are_kept_as_they_are() -> None:
    policy = np.array([[0.1, 0.4, 0.5]], np.float32)
    actions, weights = sparse_policy(policy, 3)
    np.testing.assert_array_equal(actions, [[0, 1, 2]])
    np.testing.assert_array_equal(weights, policy)


@pytest.mark.parametrize(
    ("temperature", "uniform", "action"),
    [
        (0.0, 0.99, 2),  # the most visited
        (1.0, 0.0, 1),  # visits 0 1 2 1: a quarter each of [0, 1)
        (1.0, 0.24, 1),
        (1.0, 0.26, 2),
        (1.0, 0.74, 2),
        (1.0, 0.76, 3),
        (0.5, 0.16, 1),  # squares 0 1 4 1: sixths
        (0.5, 0.17, 2),
        (0.5, 0.83, 2),
        (0.5, 0.84, 3),
        (1.0, 1.0 - 1e-16, 3),
    ],
)
def test_actions_are_drawn_in_proportion_to_visits_to_the_power_of_one_over_temperature(
    temperature: float, uniform: float, action: int
) -> None:
    assert sample_visits(np.array([0, 1, 2, 1], np.int32), temperature, uniform) == action
