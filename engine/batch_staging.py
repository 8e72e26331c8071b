"""The memory that the requests of one batch are written into, checked on the way. No device, no sockets."""

from dataclasses import dataclass

import numpy as np

from engine.batching import Pending
from engine.errors import BadMessage
from engine.inference_device import Batch
from engine.messages import Kind, Wire, recurrent_words
from muzero.jit import njit
from muzero.types import Int32Array, Int64Array, Observation

NO_SLOTS = np.zeros(0, np.int64)


@dataclass(frozen=True)
class StagedBatch:
    """The requests of one batch, as a device takes them.

    Attributes:
        batch: for the device.
        roots: the INITIAL requests in it, in order.
        leaves: the RECURRENT requests in it, in order.
        refused: requests that are not in it, because what they hold is not as declared.
    """

    batch: Batch
    roots: list[Pending]
    leaves: list[Pending]
    refused: list[Pending]

    @property
    def clients(self) -> list[int]:
        """Numbers of the clients in it, each once."""
        return [pending.client.index for pending in (*self.roots, *self.leaves)]

    @property
    def num_leaves(self) -> int:
        """Evaluations of the network in it."""
        return int(self.batch.slot.size + self.batch.rows.shape[1])


class Staging:
    """Memory for one batch at a time, used by a device until its answer is there.

    Args:
        wire: sizes of the run.
        capacity: leaves of the largest batch.
    """

    def __init__(self, wire: Wire, capacity: int) -> None:
        self._wire = wire
        self._rows = np.zeros((3, capacity), np.int64)
        self._slots = {
            number: np.arange(client.first_slot, client.first_slot + client.num_trees) for number, client in wire.clients.items()
        }

    def fill(self, requests: list[Pending]) -> StagedBatch:
        """Returns the batch of these requests; it is overwritten by the next one."""
        roots: list[Pending] = []
        leaves: list[Pending] = []
        refused: list[Pending] = []
        observations: list[Observation] = []
        end = 0
        for pending in requests:
            if pending.header.kind == Kind.RECURRENT:
                is_possible = self._stage(pending, end)
                end += pending.client.num_trees if is_possible else 0
                (leaves if is_possible else refused).append(pending)
            elif (observation := self._observation(pending)) is not None:
                observations.append(observation)
                roots.append(pending)
            else:
                refused.append(pending)
        return StagedBatch(self._batch(roots, observations, end), roots, leaves, refused)

    def _stage(self, pending: Pending, first: int) -> bool:
        num_nodes, num_actions = self._wire.num_nodes, self._wire.spec.num_actions
        words, first_slot, new_node = recurrent_words(pending.message), pending.client.first_slot, pending.header.word
        return stage_recurrent(words, first_slot, new_node, num_nodes, num_actions, first, self._rows)

    def _observation(self, pending: Pending) -> Observation | None:
        try:
            return self._wire.observation(pending.message, pending.client.num_trees)
        except BadMessage:
            return None

    def _batch(self, roots: list[Pending], observations: list[Observation], num_leaves: int) -> Batch:
        rows = self._rows[:, :num_leaves]
        if not roots:
            return Batch(NO_SLOTS, None, rows)
        slot = np.concatenate([self._slots[pending.client.index] for pending in roots])
        frames = np.concatenate([observation.frames for observation in observations])
        to_play = np.concatenate([observation.to_play for observation in observations])
        return Batch(slot, Observation(frames, to_play), rows)


@njit
def stage_recurrent(
    words: Int32Array, first_slot: int, new_node: int, num_nodes: int, num_actions: int, first: int, out_rows: Int64Array
) -> bool:
    """Writes where in the latent pool a RECURRENT request's nodes lie; returns whether all of them, and its actions, are possible.

    Args:
        words: int32 [2 * B], see recurrent_words.
        first_slot: slot of the client's first tree.
        new_node: the node to add, in [1, num_nodes).
        num_nodes: nodes of a tree.
        num_actions: A.
        first: column of its first tree.
        out_rows: int64 [3, capacity], rows of the parents and of the new nodes, and actions; of an impossible request anything may
            be written in its columns.
    """
    num_trees = len(words) // 2
    for tree in range(num_trees):
        parent_node, action = words[tree], words[num_trees + tree]
        if parent_node < 0 or parent_node >= new_node or action < 0 or action >= num_actions:
            return False
        root_row = (first_slot + tree) * num_nodes
        out_rows[0, first + tree] = root_row + parent_node
        out_rows[1, first + tree] = root_row + new_node
        out_rows[2, first + tree] = action
    return True
