"""Settings of the algorithm: one frozen struct per component; the engine's own settings are in `engine/config.py`.

Each field is followed by a sentence with its unit and meaning. Defaults suit a small board game on a workstation; presets in
`launch/presets` change them per environment.
"""

from typing import Any, Literal

import msgspec

from muzero.errors import UserError

FEWEST_PUCT_SIMULATIONS = 64
"""With fewer, pUCT need not improve on the policy it starts from; Gumbel does. Source: Danihelka et al., ICLR 2022."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings: frozen, keyword-only, unknown fields refused."""


def require(condition: bool, message: str) -> None:
    """Raises UserError(message) unless the condition holds."""
    if not condition:
        raise UserError(message)


def require_not_negative(settings: Settings, section: str, *fields: str) -> None:
    """Raises UserError, naming the setting by its dotted key, if one of these fields is negative."""
    for field in fields:
        require(getattr(settings, field) >= 0, f"{section}.{field} is {getattr(settings, field)}: set 0 or more.")


class EnvConfig(Settings, frozen=True):
    """Which world is played."""

    name: str = "tictactoe"
    """Name of the environment, see `muzero/games/catalogue.py`."""
    kwargs: dict[str, Any] = {}
    """Keyword arguments for its constructor, for example those of gym.make."""


class SearchConfig(Settings, frozen=True):
    """Monte-Carlo tree search. Sources: arXiv:1911.08265 appendix B; Danihelka et al., ICLR 2022 for `gumbel`."""

    rule: Literal["auto", "puct", "gumbel"] = "auto"
    """Which rule chooses actions in the tree and forms the policy target; `auto` becomes gumbel under 64 simulations, else puct."""
    num_simulations: int = 50
    """Simulations per move."""
    discount: float = 1.0
    """Discount per move, in (0, 1]; the sign for two players is added by the game."""
    pb_c_init: float = 1.25
    """pUCT exploration constant c1."""
    pb_c_base: float = 19652.0
    """pUCT exploration constant c2."""
    dirichlet_alpha: float = 0.3
    """Concentration of the Dirichlet noise at the root (pUCT)."""
    dirichlet_fraction: float = 0.25
    """Share of that noise in the root prior, in [0, 1]."""
    num_considered_actions: int = 16
    """Actions that enter sequential halving at the root (Gumbel)."""
    gumbel_value_scale: float = 0.1
    """Scale of the completed Q (Gumbel, c_scale)."""
    gumbel_max_visit_init: float = 50.0
    """Visit offset in the scale of the completed Q (Gumbel, c_visit)."""
    use_value_bounds: bool = False
    """Scale the completed Q by the known bounds of the return, where the game has them, instead of stretching them over what each node
    saw, which makes 0 and 1 of two nearly equal actions (Gumbel). The paper's board games do so with gumbel_value_scale = 1; pUCT always
    uses known bounds."""

    def __post_init__(self) -> None:
        if self.rule == "auto":
            msgspec.structs.force_setattr(self, "rule", "gumbel" if self.num_simulations < FEWEST_PUCT_SIMULATIONS else "puct")
        require(self.num_simulations >= 1, f"search.num_simulations is {self.num_simulations}: set at least 1.")
        require(self.num_simulations < 32768, f"search.num_simulations is {self.num_simulations}: set less than 32768.")
        require(0.0 < self.discount <= 1.0, f"search.discount is {self.discount}: set a value in (0, 1].")
        require(0.0 <= self.dirichlet_fraction <= 1.0, f"search.dirichlet_fraction is {self.dirichlet_fraction}: set a value in [0, 1].")
        require(self.dirichlet_alpha > 0.0, f"search.dirichlet_alpha is {self.dirichlet_alpha}: set a positive value.")
        require(self.num_considered_actions >= 1, f"search.num_considered_actions is {self.num_considered_actions}: set at least 1.")
        require(self.pb_c_base > 0.0, f"search.pb_c_base is {self.pb_c_base}: set a positive value.")
        require_not_negative(self, "search", "pb_c_init", "gumbel_value_scale", "gumbel_max_visit_init")


class SelfPlayConfig(Settings, frozen=True):
    """How games are played for training."""

    temperature: float = 1.0
    """Softmax temperature of the played action over visit counts (pUCT) while exploring; 0 plays greedily."""
    temperature_schedule: list[tuple[int, float]] = []
    """Pairs (learner step, temperature) in ascending order of step: from that step on, this temperature instead."""
    temperature_moves: int = 30
    """Moves per episode played with that temperature (pUCT) or by the Gumbel sample; later moves are greedy."""
    random_opening_moves: int = 0
    """Games start after up to this many uniformly random moves, drawn uniformly per game and not stored: exploring starts."""
    max_trajectory_steps: int = 512
    """Longer episodes are stored in pieces of this many steps."""
    full_search_fraction: float = 1.0
    """Share of moves searched in full, in (0, 1]; the others take fast_simulations, no noise, and give no policy target. Source of this
    playout-cap randomisation: arXiv:1902.10565, section 3.1."""
    fast_simulations: int = 8
    """Simulations of the other moves, at most search.num_simulations."""

    def __post_init__(self) -> None:
        require_not_negative(self, "self_play", "temperature", "temperature_moves", "random_opening_moves")
        full = self.full_search_fraction
        require(0.0 < full <= 1.0, f"self_play.full_search_fraction is {full}: set a value in (0, 1].")
        require(self.fast_simulations >= 1, f"self_play.fast_simulations is {self.fast_simulations}: set at least 1.")
        steps = [step for step, _ in self.temperature_schedule]
        require(steps == sorted(steps), f"self_play.temperature_schedule is {self.temperature_schedule}: put its steps in ascending order.")
        for _, temperature in self.temperature_schedule:
            require(temperature >= 0, f"self_play.temperature_schedule has the temperature {temperature}: set 0 or more.")
        require(self.max_trajectory_steps >= 8, f"self_play.max_trajectory_steps is {self.max_trajectory_steps}: set at least 8.")


class NetworkConfig(Settings, frozen=True):
    """Representation h, dynamics g and prediction f. Source: arXiv:1911.08265, appendix F."""

    kind: Literal["auto", "mlp", "residual"] = "auto"
    """`mlp` for vectors and tiny boards, `residual` for planes; `auto` is residual where the game shows planes."""
    num_downsamplings: int | None = None
    """How often h halves height and width of the planes (residual; the paper's is 4 for Atari); none: 4 for images of 64 and more
    pixels a side, 0 otherwise."""
    hidden_size: int = 128
    """Width of the hidden state (mlp)."""
    num_layers: int = 2
    """Hidden layers in each of h and g (mlp)."""
    num_blocks: int = 2
    """Residual blocks in h and in g (residual; the paper's is 16)."""
    num_channels: int = 32
    """Channels of the hidden state (residual; the paper's is 256)."""
    head_size: int = 64
    """Width of the hidden layer in each head."""
    value_head: Literal["categorical", "scalar"] = "categorical"
    """Value and reward as a distribution over `support_size` bins a side, or as one number."""
    support_size: int = 1
    """Bins run over the integers -support_size .. support_size of the (transformed) value."""
    transform_values: bool = False
    """Whether values and rewards pass through h(x) = sign(x)(sqrt(|x|+1)-1) + 0.001 x before the support."""

    def __post_init__(self) -> None:
        for field in ("hidden_size", "num_layers", "num_channels", "head_size", "support_size"):
            require(getattr(self, field) >= 1, f"network.{field} is {getattr(self, field)}: set at least 1.")
        require_not_negative(self, "network", "num_blocks")
        halvings = self.num_downsamplings
        require(halvings is None or 0 <= halvings <= 8, f"network.num_downsamplings is {halvings}: set 0 to 8, or none.")


class TrainingConfig(Settings, frozen=True):
    """Targets, loss and optimiser. Source: arXiv:1911.08265, appendix G."""

    training_steps: int = 20_000
    """Learner steps until the run is done."""
    batch_size: int = 128
    """Samples per learner step."""
    micro_batch_size: int | None = None
    """Samples that go through the network at once; their gradients are added up to those of the batch. None: all of them."""
    unroll_steps: int = 5
    """K, steps the model is unrolled."""
    td_steps: int = 1000
    """n of the n-step bootstrapped value; longer than an episode means to its end."""
    optimizer: Literal["adamw", "sgd"] = "adamw"
    """AdamW, or SGD with momentum as in the paper."""
    learning_rate: float = 0.003
    """Learning rate after warm-up."""
    lr_schedule: Literal["constant", "exponential", "cosine"] = "cosine"
    """`exponential` multiplies by lr_decay_rate every lr_decay_steps; `cosine` falls to zero at training_steps."""
    lr_warmup_steps: int = 100
    """Steps over which the learning rate rises from 0."""
    lr_decay_rate: float = 0.1
    """Factor per lr_decay_steps (exponential)."""
    lr_decay_steps: int = 400_000
    """Steps per factor of lr_decay_rate (exponential)."""
    momentum: float = 0.9
    """Momentum (sgd)."""
    weight_decay: float = 1e-4
    """L2 regularisation."""
    value_loss_weight: float = 0.25
    """Weight of the value loss."""
    reward_loss_weight: float = 1.0
    """Weight of the reward loss."""
    policy_loss_weight: float = 1.0
    """Weight of the policy loss."""
    use_symmetries: bool = True
    """Turn and mirror each sample at random, where the game has symmetries."""
    max_grad_norm: float = 5.0
    """Gradients are scaled down to this global norm."""
    consistency_loss_weight: float = 0.0
    """Weight of the self-supervised loss between unrolled and observed hidden states. Source: EfficientZero, arXiv:2111.00210, 4.1."""
    projection_size: int | None = None
    """Width of the projections that this loss compares; none: that of the hidden state, at most 256."""
    target_network_steps: int | None = None
    """Steps between two copies of the network to the target network, whose values then bootstrap the n-step targets; none: the stored
    values of the searches do. Source: arXiv:1911.08265, appendix H."""
    ema_decay: float = 0.0
    """Decay per step of the moving average of the weights; where it is positive, that average is what is published: self-play,
    reanalysis and evaluation use it. 0: the newest weights are published."""

    def __post_init__(self) -> None:
        for field in ("training_steps", "batch_size", "unroll_steps", "td_steps", "lr_decay_steps"):
            require(getattr(self, field) >= 1, f"training.{field} is {getattr(self, field)}: set at least 1.")
        micro = self.micro_batch_size
        require(
            micro is None or (micro >= 1 and self.batch_size % micro == 0),
            f"training.micro_batch_size is {micro}: set a divisor of training.batch_size ({self.batch_size}), or none.",
        )
        for field in ("learning_rate", "lr_decay_rate", "max_grad_norm"):
            require(getattr(self, field) > 0.0, f"training.{field} is {getattr(self, field)}: set a positive value.")
        require(0.0 <= self.momentum < 1.0, f"training.momentum is {self.momentum}: set a value in [0, 1).")
        require(0.0 <= self.ema_decay < 1.0, f"training.ema_decay is {self.ema_decay}: set a value in [0, 1).")
        target_steps = self.target_network_steps
        require(target_steps is None or target_steps >= 1, f"training.target_network_steps is {target_steps}: set at least 1, or none.")
        size = self.projection_size
        require(size is None or size >= 1, f"training.projection_size is {size}: set at least 1, or none.")
        weights = ("value_loss_weight", "reward_loss_weight", "policy_loss_weight", "consistency_loss_weight")
        require_not_negative(self, "training", "lr_warmup_steps", "weight_decay", *weights)


class ReplayConfig(Settings, frozen=True):
    """The replay buffer and how it is sampled."""

    capacity_steps: int = 200_000
    """Rows the ring holds: environment steps, and those that later pieces of a long episode repeat as their history."""
    capacity_games: int | None = None
    """Trajectories the ring holds at most: whichever of the two is full first. None: as many as there may be."""
    min_steps: int = 2_000
    """Steps stored before learning starts."""
    replay_ratio: float = 4.0
    """Samples drawn for training per environment step; the governor pauses whichever side is ahead."""
    is_prioritized: bool = False
    """Draw positions by priority instead of uniformly."""
    priority_exponent: float = 1.0
    """alpha: 0 draws uniformly, 1 in proportion to the priority."""
    importance_exponent: float = 1.0
    """beta of the importance weights that correct for priorities."""
    policy_entries: int = 64
    """Actions kept per stored policy target (fewer where the game has fewer)."""
    policy_surprise_fraction: float = 0.0
    """Share of each trajectory's drawing weight that goes to positions in proportion to KL(search policy || network policy), in
    [0, 1]; the rest is spread evenly. Only where is_prioritized is false. Source: KataGo's policy-surprise weighting."""

    def __post_init__(self) -> None:
        require(self.capacity_steps >= 1000, f"replay.capacity_steps is {self.capacity_steps}: set at least 1000.")
        require(
            self.min_steps < self.capacity_steps,
            f"replay.min_steps is {self.min_steps}: set less than replay.capacity_steps ({self.capacity_steps}).",
        )
        games = self.capacity_games
        require(games is None or games >= 256, f"replay.capacity_games is {games}: set at least 256, or none.")
        for field in ("min_steps", "policy_entries"):
            require(getattr(self, field) >= 1, f"replay.{field} is {getattr(self, field)}: set at least 1.")
        require(self.replay_ratio > 0.0, f"replay.replay_ratio is {self.replay_ratio}: set a positive value.")
        for field in ("priority_exponent", "importance_exponent"):  # powers of 1e-6, the least priority, must stay numbers
            require(0.0 <= getattr(self, field) <= 2.0, f"replay.{field} is {getattr(self, field)}: set a value in [0, 2].")
        surprise = self.policy_surprise_fraction
        require(0.0 <= surprise <= 1.0, f"replay.policy_surprise_fraction is {surprise}: set a value in [0, 1].")
        require(
            surprise == 0.0 or not self.is_prioritized,
            "replay.policy_surprise_fraction and replay.is_prioritized both say how positions are drawn: set one of them.",
        )


class ReanalyzeConfig(Settings, frozen=True):
    """MuZero Reanalyze: stored positions are searched again with the newest weights. Source: arXiv:1911.08265, appendix H."""

    fraction: float = 0.0
    """Share of the training samples whose policy targets come from a fresh search, in [0, 1] (the paper's is 0.8); 0: no reanalysis."""
    num_reanalyzers: int = 1
    """Reanalyzer processes; 0: no reanalysis. A run in one process reanalyzes in it."""
    batch_size: int = 128
    """Positions a reanalyzer searches at once; a multiple of chunk_steps."""
    chunk_steps: int = 16
    """Consecutive positions of a trajectory that are searched together, so that all steps of an unroll are fresh; more than
    training.unroll_steps."""
    draw: Literal["uniform", "oldest", "priority"] = "uniform"
    """Which positions are drawn: all alike, those first whose policy is oldest, or by |search value - n-step return|."""
    root_noise: bool = True
    """Whether the roots of these searches get the noise of self-play, as in EfficientZero. Without it each policy is searched from what
    the one before made likely, and they sharpen early (LunarLander stayed in the air)."""
    max_policy_age: int = 100
    """Versions of the weights after which a fresh policy no longer counts as one."""
    samples_per_position: float = 4.0
    """Fresh samples trained on per reanalyzed position: the governor pauses whichever side is ahead."""

    def __post_init__(self) -> None:
        require(0.0 <= self.fraction <= 1.0, f"reanalyze.fraction is {self.fraction}: set a value in [0, 1].")
        require_not_negative(self, "reanalyze", "num_reanalyzers")
        for field in ("batch_size", "chunk_steps", "max_policy_age"):
            require(getattr(self, field) >= 1, f"reanalyze.{field} is {getattr(self, field)}: set at least 1.")
        require(
            self.batch_size % self.chunk_steps == 0,
            f"reanalyze.batch_size is {self.batch_size}: set a multiple of reanalyze.chunk_steps ({self.chunk_steps}).",
        )
        ratio = self.samples_per_position
        require(ratio > 0.0, f"reanalyze.samples_per_position is {ratio}: set a positive value.")

    @property
    def is_enabled(self) -> bool:
        """Whether anything is reanalyzed."""
        return self.fraction > 0.0 and self.num_reanalyzers > 0
