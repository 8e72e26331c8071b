"""The claims of the project as data: to tune a run, change its `settings` here. What the fields mean is in `row.py`."""

from benchmarks.row import RUN, Comparison, Evaluation, Row, Settings
from muzero.errors import UnknownName

CONNECT4: Settings = {
    "learner.compile": True,
    "evaluation.opponent": "alphabeta:depth=5",
    "evaluation.episodes": 40,
    "evaluation.interval_seconds": 120,
}
"""How a run of Connect Four is watched: against random players its curve would soon be flat."""
GO: Settings = {
    "learner.compile": True,
    "evaluation.opponent": "gnugo:level=1",
    "evaluation.episodes": 20,
    "evaluation.interval_seconds": 300,
}
LUNARLANDER: Settings = {
    "actors.num_actors": 1,
    "learner.compile": True,
    "evaluation.episodes": 40,
    "evaluation.interval_seconds": 12,
}
"""No run of these stops at the target: one that does so at its first good evaluation may well be measured below it."""
LUNARLANDER_REANALYZE: Settings = {"reanalyze.fraction": 0.8, "reanalyze.samples_per_position": 12.0, "replay.replay_ratio": 128.0}
"""All that a run with Reanalyze has besides: fresh targets let each move serve twice as often (docs/roadmap.md)."""
ABLATION: Settings = {"search.num_simulations": 16, **CONNECT4}
"""What all rows of the ablation share."""
ABLATED: dict[str, Settings] = {
    "baseline": {},
    "reanalyze": {"reanalyze.fraction": 0.8},
    "priorities": {"replay.is_prioritized": True},
    "consistency": {"training.consistency_loss_weight": 2.0},
    "symmetry": {"training.use_symmetries": False},
    "puct": {"search.rule": "puct"},
}
"""What each row of the ablation changes in the baseline: on what the baseline has off, off what it has on."""
SIMULATIONS = (1, 4, 16, 64, 256, 800)

ROWS = (
    Row(
        name="tictactoe",
        family="tictactoe",
        claim="Tic-tac-toe: no losing line in the exhaustive walk after at most 8 minutes.",
        env="tictactoe",
        minutes=8,
        seeds=(1, 2, 3),
        evaluations=(Evaluation(opponent="perfect", measure="losing_lines", at_most=0),),
        reach_score=0.0,
    ),
    Row(
        name="cartpole",
        family="cartpole",
        claim="CartPole-v1: a mean return of at least 490 over 100 episodes after at most 10 minutes.",
        env="cartpole",
        minutes=10,
        seeds=(1, 2, 3),
        evaluations=(Evaluation(games=100, measure="mean_return", at_least=490),),
        reach_score=490.0,
    ),
    Row(
        name="lunarlander-without-reanalyze",
        family="lunarlander",
        claim="LunarLander-v3, actions held for 4 steps: a mean return of at least 200 over 100 episodes within 400,000 environment steps.",
        env="lunarlander",
        settings=LUNARLANDER,
        minutes=30,
        evaluations=(Evaluation(games=100, measure="mean_return", at_least=200),),
        reach_score=200.0,
        max_env_steps=400_000,
    ),
    Row(
        name="lunarlander-with-reanalyze",
        family="lunarlander",
        claim="LunarLander-v3 with Reanalyze: the same in at most 0.6 of the environment steps needed without.",
        env="lunarlander",
        settings={**LUNARLANDER, **LUNARLANDER_REANALYZE},
        minutes=30,
        evaluations=(Evaluation(games=100, measure="mean_return", at_least=200),),
        reach_score=200.0,
        max_env_steps=400_000,
        compared_to=Comparison(row="lunarlander-without-reanalyze", at_most=0.6),
    ),
    Row(
        name="connect4",
        family="connect4",
        claim="Connect Four at 200 simulations: 95 % against alpha-beta of depth 5, 80 % against MCTS of 1,000 rollouts after 90 minutes.",
        env="connect4",
        preset="small",
        settings=CONNECT4,
        minutes=90,
        seeds=(1,),
        evaluations=(
            Evaluation(opponent="alphabeta:depth=5", simulations=200, at_least=0.95),
            Evaluation(opponent="openspiel-mcts:rollouts=1000", simulations=200, at_least=0.80),
        ),
    ),
    Row(
        name="go7",
        family="go7",
        claim="Go 7x7, komi 4.5, 400 simulations: 50 % against GNU Go of level 1 after 60 minutes, and Elo that rises throughout.",
        env="go7",
        preset="small",
        settings={**GO, "search.num_simulations": 48, "search.num_considered_actions": 16, "checkpoint.milestone_minutes": 15},
        minutes=60,
        seeds=(1,),
        evaluations=(
            Evaluation(opponent="gnugo:level=1", simulations=400, at_least=0.50),
            Evaluation(is_between_milestones=True, games=400, measure="elo", at_least=0.0),
        ),
        plots=("curve", "milestones"),
    ),
    Row(
        name="go9",
        family="go9",
        claim="Go 9x9: the curve that 60 minutes give.",
        env="go9",
        preset="small",
        settings=GO,
        minutes=60,
        seeds=(1,),
        evaluations=(Evaluation(opponent="gnugo:level=1"),),
    ),
    *(
        Row(
            name=f"connect4-ablation-{name}",
            family="connect4-ablation",
            claim=f"Connect Four after 15 minutes at 16 simulations: {name}.",
            env="connect4",
            preset="small",
            settings={**ABLATION, **changes},
            minutes=15,
            evaluations=(Evaluation(opponent="alphabeta:depth=5"),),
            plots=("dots", "curve"),
        )
        for name, changes in ABLATED.items()
    ),
    Row(
        name="strength-vs-simulations",
        family="strength-vs-simulations",
        claim="Strength grows with thinking: Elo of one checkpoint of Connect Four against itself at the simulations it trained with.",
        env="connect4",
        trained_by="connect4",
        seeds=(1,),
        evaluations=tuple(Evaluation(opponent=f"checkpoint:{RUN}", simulations=number, measure="elo") for number in SIMULATIONS),
        plots=("simulations",),
    ),
)


def row_named(name: str) -> Row:
    """Returns a row.

    Raises:
        UnknownName: there is none of that name.
    """
    rows = {row.name: row for row in ROWS}
    if name not in rows:
        raise UnknownName("row", name, rows)
    return rows[name]
