"""Self-play with a made-up network: what trajectories say is what happened, whatever else is played beside them."""

import numpy as np
import pytest

from muzero.config import EnvConfig, SearchConfig
from muzero.errors import EnvironmentFailed, UnsupportedGame
from muzero.games import make_game
from muzero.move_outcome import Episode
from muzero.types import HISTORY_ONLY, NO_ACTION, Trajectory
from tests.muzero.counting_game import NUM_FRAMES, counting_config
from tests.muzero.self_player import TICTACTOE, VERSION, Player, assert_same_games

SHORT_CARTPOLE = EnvConfig(name="cartpole", kwargs={"max_episode_steps": 10})


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


def test_a_game_that_is_longer_than_it_says_is_refused() -> None:
    player = Player(EnvConfig(name="tests.muzero.broken_games:Endless"), num_games=1)
    with pytest.raises(
        UnsupportedGame, match=r"the game 'squares' goes on after spec.max_moves \(5\): let its step say is_truncated there"
    ):
        player.moves(9)


def test_failures_of_the_last_move_go_with_the_error() -> None:
    player = Player(EnvConfig(**counting_config(failing_move=0)), num_games=4)
    with pytest.raises(EnvironmentFailed) as failure:
        player.moves(1)
    assert [text.splitlines()[-1] for text in failure.value.tracebacks] == ["ValueError: move 0 is broken"] * 3


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
@pytest.mark.parametrize(("moves", "fraction"), [(0, 1.0), (4, 1.0), (10, 1.0), (13, 1.0), (11, 0.5)])
def test_restored_games_go_on_as_if_nothing_had_happened(game: EnvConfig, moves: int, fraction: float) -> None:
    settings = {"max_trajectory_steps": 8, "full_search_fraction": fraction, "fast_simulations": 2}
    straight, restored = Player(game, **settings).moves(moves), Player(game, **settings)
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
