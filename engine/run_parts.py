"""How a process of the run attaches to what all of them share: ring, weights, wire. No torch in here."""

from engine.config import RunConfig
from engine.layout import ring_layout_of, weights_layout
from engine.messages import Wire
from engine.process_life import ProcessSetup
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.slots import clients_of
from engine.weights import WeightStore
from muzero.types import GameSpec


def make_wire(config: RunConfig, spec: GameSpec) -> Wire:
    """Returns the sizes of the run's messages."""
    simulations = config.search.num_simulations
    return Wire(spec, simulations + 1, min(spec.num_actions, simulations), clients_of(config))


def attach_ring(setup: ProcessSetup, spec: GameSpec, writer_index: int) -> Ring:
    """Returns the run's replay log, mapped into this process."""
    return Ring(Segment.attach(setup.ring_fd, ring_layout_of(setup.config, spec)), setup.lock_fd, writer_index)


def attach_weights(setup: ProcessSetup) -> WeightStore:
    """Returns the run's weights, mapped into this process."""
    return WeightStore(Segment.attach(setup.weights_fd, weights_layout(setup.num_floats)))
