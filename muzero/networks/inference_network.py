"""The frozen copy of the network that serves searches: folded weights, loaded in place. How it is called fastest on this
machine is measured by `inference_variants.py`; training never sees it.

Legend: B batch, A actions, k priors per node, W floats of the network's state.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from muzero.config import NetworkConfig
from muzero.networks.flat_state import load_flat_state
from muzero.networks.folded_network import FoldedNetwork, channels_last
from muzero.networks.folding import FoldedWeights, Layer, fold_network
from muzero.networks.inference_variants import pick_variant, trace_network
from muzero.networks.network import build_network
from muzero.types import Float32Array, GameSpec

InitialFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
RecurrentFunction = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]


class InferenceNetwork:
    """Serves h, g and f from weights that never move in memory, so that traces and CUDA graphs survive a load.

    Attributes:
        latent_shape: shape of one hidden state; convolutional ones are best kept channels-last.
        dtype: dtype of hidden states and weights.
        device: where it runs.
        variant: how it is called, see `inference_variants`.
        initial: (frames, to_play int8 [B]) -> (hidden_state, value float32 [B], policy_logits float32 [B, A]).
        recurrent: (hidden_state, action int64 [B]) -> (hidden_state, reward float32 [B], value float32 [B],
            prior float32 [B, k] descending, prior_action int32 [B, k]).
    """

    initial: InitialFunction
    recurrent: RecurrentFunction

    def __init__(
        self,
        spec: GameSpec,
        action_planes: Float32Array,
        config: NetworkConfig,
        *,
        device: torch.device,
        dtype: torch.dtype,
        num_priors: int,
    ) -> None:
        """Makes a copy with arbitrary weights; call `load` before serving.

        Args:
            spec, action_planes, config: as in MuZeroNetwork.
            device: where it runs.
            dtype: float32, or bfloat16 on GPUs.
            num_priors: k, at most A.
        """
        source = build_network(spec, action_planes, config, seed=0).eval().requires_grad_(False).to(device)
        self._source = source
        self.device, self.dtype, self.latent_shape = device, dtype, source.latent_shape
        weights = _placed(fold_network(source), dtype)
        self.folded = FoldedNetwork(weights, source.encoder, source.value_codec, source.reward_codec, source.latent_shape, num_priors)
        self.variant = "eager"
        self.initial, self.recurrent = self.folded.initial, self.folded.recurrent

    def load(self, values: Float32Array) -> None:
        """Takes over new weights in place.

        Args:
            values: float32 [W], as `flatten_state` made it.
        """
        load_flat_state(self._source, values)
        for target, tensor in zip(self.folded.weights.tensors(), fold_network(self._source).tensors(), strict=True):
            target.copy_(tensor)

    def optimize(self, batch_size: int) -> None:
        """Calls the network from now on in the way that is fastest on this machine for this batch size.

        Args:
            batch_size: leaves in a typical forward pass.
        """
        self.variant = pick_variant(self.folded, batch_size)
        self.initial, self.recurrent = self.folded.initial, self.folded.recurrent
        if self.variant == "traced":
            self.initial, self.recurrent = trace_network(self.folded, batch_size)


def _placed(weights: FoldedWeights, dtype: torch.dtype) -> FoldedWeights:
    """Returns copies of the weights in the dtype and memory format of serving."""

    def place(tensor: Tensor) -> Tensor:
        return channels_last(tensor.detach().to(dtype, copy=True).contiguous())

    def place_layers(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
        return tuple((place(weight), place(bias)) for weight, bias in layers)

    return replace(
        weights,
        representation=place_layers(weights.representation),
        action_table=place(weights.action_table),
        dynamics_entry=place_layers((weights.dynamics_entry,))[0],
        dynamics=place_layers(weights.dynamics),
        heads=place_layers(weights.heads),
        moves=place_layers(weights.moves),
    )
