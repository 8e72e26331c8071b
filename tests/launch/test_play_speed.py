"""How a world is timed: what is drawn, and that the timed passes play it again."""

from unittest.mock import Mock

from launch.play_speed import num_steps, random_episodes, steps_per_second
from muzero.config import EnvConfig
from muzero.games import make_game


def test_episodes_are_legal_and_only_the_last_one_is_cut() -> None:
    game = make_game(EnvConfig(name="tictactoe"))

    episodes = random_episodes(game, seconds=0.02)

    assert [seed for seed, _ in episodes] == list(range(len(episodes)))
    for _, actions in episodes[:-1]:
        game.reset(0)
        assert [game.step(action).is_terminal for action in actions] == [False] * (len(actions) - 1) + [True]


def test_at_least_one_step_is_drawn_however_short() -> None:
    assert num_steps(random_episodes(make_game(EnvConfig(name="tictactoe")), seconds=1e-9)) == 1


def test_each_timed_step_asks_for_mask_step_and_frame() -> None:
    game = Mock(wraps=make_game(EnvConfig(name="tictactoe")))
    game.spec = make_game(EnvConfig(name="tictactoe")).spec

    steps_per_second(game, seconds=0.1)

    counts = [game.legal_actions.call_count, game.step.call_count, game.frame.call_count]
    assert counts == [counts[0]] * 3 and counts[0] > 10
