"""A slow, obvious search of one tree over all actions, the oracle of the compiled one; it shares no code with it."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from muzero.config import SearchConfig
from muzero.types import GameSpec
from tests.muzero.search.table_model import TableModel

Vector = NDArray[np.float64]


@dataclass
class Node:
    """A node with a dense row of everything per action."""

    state: int
    raw_value: float
    logits: Vector
    prior: Vector
    children: dict[int, "Node"] = field(default_factory=dict)
    visits: Vector = field(init=False)
    returns: Vector = field(init=False)

    def __post_init__(self) -> None:
        self.visits = np.zeros(len(self.prior))
        self.returns = np.zeros(len(self.prior))

    def q(self) -> Vector:
        """Q(s, a) of the visited actions, 0 elsewhere."""
        return self.returns / np.maximum(self.visits, 1)


def softmax(logits: Vector) -> Vector:
    """Softmax of a vector."""
    weight = np.exp(logits - logits.max())
    return np.asarray(weight / weight.sum())


class DenseSearch:
    """One search of one tree."""

    def __init__(self, config: SearchConfig, spec: GameSpec, model: TableModel) -> None:
        self.config, self.spec, self.model = config, spec, model
        self.discount = config.discount * (-1 if spec.num_players == 2 else 1)

    def run(self, state: int, legal: NDArray[np.bool_], noise: Vector | None) -> "DenseSearch":
        """Searches; the results are left in root, visit_count, root_value, policy, action and surprise."""
        self.legal, self.gumbel = legal, np.zeros(len(legal)) if noise is None else noise
        logits = np.where(legal, self.model.logits[state].astype(np.float64), -np.inf)
        prior = softmax(logits)
        self.clean_prior = prior
        if self.config.rule == "puct" and noise is not None:
            prior = (1 - self.config.dirichlet_fraction) * prior + self.config.dirichlet_fraction * noise
        self.root = Node(state, float(self.model.value[state]), logits, prior)
        self.low, self.high = self.spec.value_bounds or (math.inf, -math.inf)
        self.root_returns = [self.root.raw_value]
        self.schedule = halving_schedule(min(self.config.num_considered_actions, int(legal.sum())), self.config.num_simulations)
        for _ in range(self.config.num_simulations):
            self.simulate()
        self.visit_count = self.root.visits.astype(np.int64)
        self.root_value = float(np.mean(self.root_returns))
        self.finish()
        return self

    def simulate(self) -> None:
        """Walks to a leaf, adds a node and backs its value up."""
        node, path = self.root, []
        while True:
            action = self.choose(node)
            path.append((node, action))
            if action not in node.children:
                break
            node = node.children[action]
        state = int(self.model.next_state[node.state, action])
        logits = self.model.logits[state].astype(np.float64)
        leaf = Node(state, float(self.model.value[state]), logits, softmax(logits))
        node.children[action] = leaf
        value = leaf.raw_value
        for parent, edge in reversed(path):
            value = float(self.model.reward[parent.state, edge]) + self.discount * value
            parent.visits[edge] += 1
            parent.returns[edge] += value
            if self.spec.value_bounds is None:
                q = parent.returns[edge] / parent.visits[edge]
                self.low, self.high = min(self.low, q), max(self.high, q)
        self.root_returns.append(value)

    def choose(self, node: Node) -> int:
        """The action of the highest score over all actions."""
        if self.config.rule == "puct":
            score = self.puct_score(node)
        elif node is self.root:
            score = self.halving_score(self.schedule[int(node.visits.sum())])
        else:
            improved = softmax(node.logits + self.completed_q(node))
            score = improved - node.visits / (1 + node.visits.sum())
        if node is self.root:
            score = np.where(self.legal, score, -np.inf)
        return int(np.argmax(score))

    def puct_score(self, node: Node) -> Vector:
        """Normalised Q plus exploration bonus."""
        count = 1 + node.visits.sum()
        c = self.config.pb_c_init + math.log((count + self.config.pb_c_base + 1) / self.config.pb_c_base)
        bonus = node.prior * math.sqrt(count) / (1 + node.visits) * c
        if self.high <= self.low:
            return bonus
        return np.where(node.visits > 0, (node.q() - self.low) / (self.high - self.low), 0.0) + bonus

    def completed_q(self, node: Node) -> Vector:
        """Completed, rescaled and scaled Q of all actions."""
        prior = np.maximum(node.prior, np.finfo(np.float32).tiny)
        visited = node.visits > 0
        share = np.where(visited, prior, 0.0)
        mean_q = (share * node.q()).sum() / share.sum() if visited.any() else 0.0
        total = node.visits.sum()
        mixed = (node.raw_value + total * mean_q) / (1 + total)
        q = np.where(visited, node.q(), mixed)
        if self.config.use_value_bounds and self.spec.value_bounds is not None:
            low, high = self.spec.value_bounds
            q = (q - low) / (high - low)
        else:
            q = (q - q.min()) / max(q.max() - q.min(), 1e-8)
        return np.asarray((self.config.gumbel_max_visit_init + node.visits.max()) * self.config.gumbel_value_scale * q)

    def halving_score(self, considered: float) -> Vector:
        """Noise + logit + completed Q of the root actions with that visit count."""
        score = np.maximum(self.gumbel + self.root.logits + self.completed_q(self.root), -1e9)
        return np.where(self.legal & (self.root.visits == considered), score, -np.inf)

    def finish(self) -> None:
        """The policy target and the greedy action."""
        if self.config.rule == "puct":
            self.policy = self.root.visits / self.root.visits.sum()
            self.action = int(np.argmax(self.root.visits))
        else:
            self.policy = softmax(self.root.logits + self.completed_q(self.root))
            self.action = int(np.argmax(self.halving_score(self.root.visits.max())))
        has_share = self.policy > 0
        self.surprise = float((self.policy[has_share] * np.log(self.policy[has_share] / self.clean_prior[has_share])).sum())


def halving_schedule(considered: int, simulations: int) -> list[int]:
    """Visit counts that sequential halving asks for, one per simulation."""
    if considered == 1:
        return list(range(simulations))
    visits, schedule, remaining = [0] * considered, [], considered
    phases = math.ceil(math.log2(considered))
    while len(schedule) < simulations:
        for _ in range(max(1, int(simulations / (phases * remaining)))):
            for i in range(remaining):
                schedule.append(visits[i])
                visits[i] += 1
        remaining = max(2, remaining // 2)
    return schedule
