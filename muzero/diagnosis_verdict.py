"""Plain sentences about a diagnosis: what stands out and what to look at. The numbers are those of `diagnosis.py`.

Every rule compares with something a network gets for nothing: the best constant, the uniform policy, depth 0, an unrelated position.
"""

import math
from collections.abc import Callable, Iterator

from muzero.diagnosis import DepthRow, Diagnosis

MIN_POSITIONS = 50
"""Depths with fewer stored positions are not judged: the mean of so few errors is uncertain by a seventh of their spread."""
CONSTANT_SHARE = 0.9
"""An error above this share of that of the best constant means that hardly anything was learnt."""
MIN_TARGET_SHARE = 0.1
"""Targets that hardly differ are compared with this share of a game point instead: their best constant makes no error at all."""
DEPTH_RATIO = 2.0
"""An error that doubles over the unroll is no longer youth: the policy's KL at depth 5 of tic-tac-toe was 3.0 times that at the root
after 540 learner steps and 1.4 times after 2,000, the value's error 1.2 times."""
MIN_KL_GAIN = 0.1
"""Nats; a KL that doubles below this is still tiny."""
MISCALIBRATED_SHARE = 0.4
"""Calibration error over the spread of the targets: the bins are off by nearly half of what positions differ by."""
SHARP_ENTROPY = 0.05
"""Nats; a policy of 99 % on one of two moves has 0.056: the search no longer tries anything else."""
SAME_CHOICE = 0.95
"""The search's favourite is the network's already in this share of positions: few targets say anything new."""
DEAD_SHARE = 0.25
"""A quarter of a layer that never answers is capacity that is paid for and not used, and no chance: a run of connect four had lost
3 of the 192 units of its heads after 3,600 learner steps, and none elsewhere."""
MAX_EDGE_SHARE = 0.01
"""More than a stray position in a hundred at the edge of the value's support: the head cannot say what it is asked for."""
YOUNG_STEPS = 500
"""Learner steps before which errors say little: the learning rate rises over the first 100 by default, and the policy's KL at depth 5
of tic-tac-toe was still 3.0 times that at the root after 540."""
LOST_STATE_SHARE = 0.8
"""Distance to the real state over that to an unrelated one: the unrolled state hardly says which position it stands for."""
NOTHING_STANDS_OUT = "nothing stands out: compare the numbers with those of an earlier checkpoint."


def verdict(diagnosis: Diagnosis, learner_steps: int) -> list[str]:
    """Returns what a user should look at, one sentence each, never empty; learner_steps are those behind the network."""
    judged = [row for row in diagnosis.depths if row.positions >= MIN_POSITIONS]
    if not judged:
        return [f"only {diagnosis.positions} positions: too few to judge, take more with --positions or a later checkpoint."]
    root, deepest = judged[0], judged[-1]
    sentences = [_youth(learner_steps)] if learner_steps < YOUNG_STEPS else []
    sentences += [sentence for rule in RULES for sentence in rule(diagnosis, root, deepest)]
    return sentences or [NOTHING_STANDS_OUT]


def _youth(learner_steps: int) -> str:
    return (
        f"after {learner_steps:,} learner steps the network is still too young for most of what follows: train to at least "
        f"{YOUNG_STEPS:,} and look again."
    )


def _compared(number: float, other: float) -> str:
    """Returns how a number that is near to another or above it compares to it, in words, both to the digits that are shown."""
    shown, shown_other = float(f"{number:.3g}"), float(f"{other:.3g}")
    return "more than" if shown > shown_other else "as much as" if shown == shown_other else "hardly less than"


def _against_constant(error: float, constant: float) -> str:
    return f"off by {error:.3g} points, {_compared(error, constant)} always saying the mean ({constant:.3g})"


def _value_knows_nothing(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    """Looks at the deepest row only if the root is good: whoever knows nothing there knows nothing later."""
    for row in (root, deepest):
        error, constant = row.value_error, row.value_spread
        if error is not None and constant is not None and error > CONSTANT_SHARE * max(constant, MIN_TARGET_SHARE):
            yield f"the value knows little at depth {row.depth}: it is {_against_constant(error, constant)}; {_value_advice(diagnosis)}."
            return


def _value_advice(diagnosis: Diagnosis) -> str:
    if diagnosis.edge_share <= MAX_EDGE_SHARE:
        return "train longer"
    return (
        f"{diagnosis.edge_share:.0%} of the values reach the edge of the support: set a larger network.support_size, or "
        "network.transform_values=true"
    )


def _value_is_miscalibrated(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    constant = max(root.value_spread or 0.0, MIN_TARGET_SHARE)
    if diagnosis.calibration_error > MISCALIBRATED_SHARE * constant:
        tendency = "optimistic" if diagnosis.value_bias > 0 else "pessimistic"
        yield (
            f"predicted values are off by {diagnosis.calibration_error:.3g} points from what followed, on the whole too {tendency} "
            f"(by {abs(diagnosis.value_bias):.3g}): the stored games are of weaker players, or bootstrapped targets drift."
        )


def _value_worsens(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    yield from _worsens("value", root.value_error, deepest.value_error, deepest.depth, floor=MIN_TARGET_SHARE * (root.value_spread or 0.0))


def _worsens(name: str, first: float | None, last: float | None, depth: int, floor: float, unit: str = "points") -> Iterator[str]:
    """Yields a sentence if an error at this depth is DEPTH_RATIO times that at the root, and more than `floor` above it."""
    if first is None or last is None or last <= DEPTH_RATIO * first or last - first <= floor:
        return
    ratio = f"{last / first:.1f}x worse than" if first > 0 else "worse than"
    yield (
        f"{name} at depth {depth} is {ratio} at depth 0 ({last:.3g} against {first:.3g} {unit}): the dynamics lose what the "
        "representation knows; train longer, widen the network, or unroll less deep."
    )


def _policy_worsens(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    yield from _worsens("policy (KL to the search)", root.policy_kl, deepest.policy_kl, deepest.depth, floor=MIN_KL_GAIN, unit="nats")


def _reward_knows_nothing(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    error, constant = deepest.reward_error, deepest.reward_spread
    if error is not None and constant is not None and error > CONSTANT_SHARE * max(constant, MIN_TARGET_SHARE):
        yield (
            f"rewards are not learnt: at depth {deepest.depth} they are {_against_constant(error, constant)}; look at "
            "training.reward_loss_weight and at the scale of the rewards."
        )


def _policy_knows_nothing(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    if root.policy_kl is None or root.search_entropy is None:
        return
    uniform = math.log(diagnosis.num_actions) - root.search_entropy
    if root.policy_kl > CONSTANT_SHARE * uniform and root.policy_kl > MIN_KL_GAIN:
        yield (
            f"the policy knows little: it is {root.policy_kl:.3g} nats from the search, {_compared(root.policy_kl, uniform)} the uniform "
            f"policy ({uniform:.3g}); train longer, or look at the learning rate."
        )


def _search_is_sharp(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    if diagnosis.num_actions > 1 and root.search_entropy is not None and root.search_entropy < SHARP_ENTROPY:
        yield (
            f"the search puts nearly everything on one move (entropy {root.search_entropy:.3g} nats): it no longer explores; "
            "raise search.dirichlet_fraction or self_play.temperature, unless the game is solved."
        )


def _search_teaches_nothing(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    if root.best_first is not None and root.best_first > SAME_CHOICE:
        yield (
            f"the search prefers the network's own first move in {root.best_first:.0%} of positions: it teaches little new; "
            "raise search.num_simulations, unless the game is solved."
        )


def _units_are_dead(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    for layer in diagnosis.layers:
        if layer.dead_share > DEAD_SHARE:
            yield (
                f"{layer.dead} of {layer.units} units of {layer.layer} are dead (0 on every position): lower training.learning_rate or "
                "training.weight_decay, or take a smaller network."
            )


def _state_is_lost(diagnosis: Diagnosis, root: DepthRow, deepest: DepthRow) -> Iterator[str]:
    distance, unrelated = deepest.hidden_distance, deepest.unrelated_distance
    if distance is not None and unrelated is not None and distance > LOST_STATE_SHARE * unrelated:
        compared = (
            "farther from the real position's ({}) than" if distance > unrelated else "nearly as far from the real position's ({}) as"
        )
        yield (
            f"after {deepest.depth} steps the hidden state is {compared.format(f'{distance:.3g}')} an unrelated one "
            f"({unrelated:.3g}): harmless while value, reward and policy at that depth are good."
        )


RULES: tuple[Callable[[Diagnosis, DepthRow, DepthRow], Iterator[str]], ...] = (
    _value_knows_nothing,
    _value_is_miscalibrated,
    _value_worsens,
    _reward_knows_nothing,
    _policy_knows_nothing,
    _policy_worsens,
    _search_is_sharp,
    _search_teaches_nothing,
    _units_are_dead,
    _state_is_lost,
)
"""Each yields a sentence where it applies, given the root and the deepest row that are judged."""
