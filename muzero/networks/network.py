"""The trainable MuZero network: encoder, representation h, dynamics g and prediction f put together. The serving copy is
`inference_network.py`; how weights travel is `flat_state.py`.

Legend: B batch, N frames, A actions, S outputs of a value head.
"""

from math import prod

import torch
from torch import Tensor, nn

from muzero.config import NetworkConfig
from muzero.networks.action_code import make_action_code
from muzero.networks.encoder import Encoder
from muzero.networks.flat_state import flatten_state, load_flat_state, num_floats
from muzero.networks.heads import Heads, Prediction
from muzero.networks.mlp import MlpDynamics, MlpRepresentation
from muzero.networks.residual import HeadPlanes, PointPolicy, ResidualDynamics, ResidualRepresentation
from muzero.networks.shape import NUM_HEAD_PLANES, has_point_policy, latent_shape, num_downsamplings, num_placeless_actions
from muzero.networks.value_codec import ValueCodec
from muzero.types import Float32Array, GameSpec

__all__ = ["MuZeroNetwork", "build_network", "flatten_state", "load_flat_state", "num_floats"]


class MuZeroNetwork(nn.Module):
    """h, g and f of MuZero over the compact observations of one game.

    Attributes:
        encoder: decodes frames, without parameters.
        action_code: shows actions to g.
        latent_shape: shape of one hidden state, (hidden_size,) or (num_channels, H, W).
        value_codec, reward_codec: what the outputs of those heads mean.
    """

    def __init__(self, spec: GameSpec, action_planes: Float32Array, config: NetworkConfig) -> None:
        """Makes the network, its layers drawn from torch's global generator.

        Args:
            spec: the game.
            action_planes: float32 [A, *spec.action_shape], or the unit matrix [A, A] where the game has no planes.
            config: its kind and size.

        Raises:
            UserError: if a residual network is asked for but the game has no planes, or planes of actions that do not fit.
            UnsupportedGame: if the encoding of the game is unknown.
        """
        super().__init__()
        self.latent_shape = latent_shape(config, spec)
        self.encoder = Encoder(spec)
        self.action_code = make_action_code(spec, action_planes, self.latent_shape)
        self.value_codec = ValueCodec(config, spec.value_bounds)
        self.reward_codec = ValueCodec(config, None)
        if len(self.latent_shape) == 3:
            num_features = self._make_residual(config, num_downsamplings(config, spec))
        else:
            num_features = self._make_mlp(config)
        self.heads = Heads(num_features, config.head_size, self.value_codec.num_outputs, num_placeless_actions(config, spec))
        self.point_policy = PointPolicy(config.num_channels, spec.moves_per_point) if has_point_policy(config, spec) else None

    def _make_mlp(self, config: NetworkConfig) -> int:
        size, num_layers = config.hidden_size, config.num_layers
        self.representation: nn.Module = MlpRepresentation(prod(self.encoder.output_shape), size, num_layers)
        self.dynamics_trunk: nn.Module = MlpDynamics(self.action_code.table.shape[1], size, num_layers)
        self.head_features: nn.Module = nn.Identity()
        return size

    def _make_residual(self, config: NetworkConfig, num_halvings: int) -> int:
        num_channels, height, width = self.latent_shape
        self.representation = ResidualRepresentation(self.encoder.output_shape[0], num_channels, config.num_blocks, num_halvings)
        self.dynamics_trunk = ResidualDynamics(self.action_code.table.shape[1], num_channels, config.num_blocks)
        self.head_features = HeadPlanes(num_channels)
        return NUM_HEAD_PLANES * height * width

    def represent(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns the hidden state of observations, [B, *latent_shape] in [0, 1].

        Args:
            frames: [B, N, *frame_shape] in the game's dtype.
            to_play: int8 [B].
        """
        hidden_state: Tensor = self.representation(self.encoder(frames, to_play))
        return hidden_state

    @torch.no_grad()
    def represent_as_served(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns hidden states as the serving copy makes them: with the running statistics, which stay as they are, and no gradient.

        Args:
            frames, to_play: as in represent.
        """
        was_training = self.representation.training
        self.representation.eval()
        try:
            return self.represent(frames, to_play)
        finally:
            self.representation.train(was_training)

    def dynamics(self, hidden_state: Tensor, action: Tensor) -> Tensor:
        """Returns the hidden state after an action, [B, *latent_shape] in [0, 1].

        Args:
            hidden_state: [B, *latent_shape].
            action: int64 [B], in [0, A).
        """
        next_hidden_state: Tensor = self.dynamics_trunk(hidden_state, self.action_code(action))
        return next_hidden_state

    def predict(self, hidden_state: Tensor) -> Prediction:
        """Returns reward, value and policy logits of hidden states; of a root the reward means nothing.

        Args:
            hidden_state: [B, *latent_shape].
        """
        prediction: Prediction = self.heads(self.head_features(hidden_state))
        if self.point_policy is None:
            return prediction
        return prediction._replace(policy_logits=torch.cat((self.point_policy(hidden_state), prediction.policy_logits), dim=1))

    def initial(self, frames: Tensor, to_play: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns (hidden_state, value_logits [B, S], policy_logits [B, A]) of observations; arguments as in represent."""
        hidden_state = self.represent(frames, to_play)
        _, value_logits, policy_logits = self.predict(hidden_state)
        return hidden_state, value_logits, policy_logits

    def recurrent(self, hidden_state: Tensor, action: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Returns (hidden_state, reward_logits, value_logits, policy_logits) after an action; arguments as in dynamics."""
        next_hidden_state = self.dynamics(hidden_state, action)
        return (next_hidden_state, *self.predict(next_hidden_state))


def build_network(spec: GameSpec, action_planes: Float32Array, config: NetworkConfig, seed: int) -> MuZeroNetwork:
    """Returns a network drawn from `seed`; torch's global generator is left as it was.

    Args:
        spec, action_planes, config: as in MuZeroNetwork.
        seed: in [0, 2**63).
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return MuZeroNetwork(spec, action_planes, config)
