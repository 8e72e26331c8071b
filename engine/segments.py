"""The shared memory of a run, made by the supervisor and inherited by every role. No logic of what is in it."""

import os
from typing import Self

from engine.checkpoint_manifest import Checkpoint
from engine.config import RunConfig
from engine.layout import Control, Counter, ring_layout_of, telemetry_layout, weights_layout
from engine.process_life import ProcessSetup
from engine.record_locks import create_lock_file
from engine.run_folder import RunFolder
from engine.shared_memory import Segment
from engine.supervisor import Role
from engine.telemetry import ProcessIndices, Telemetry, restore_counters
from muzero.games import make_game


class RunSegments:
    """Ring, its lock file, weights and telemetry; freed by the kernel when the last process is gone.

    Args:
        config: the run.
        num_floats: W, floats of the network.
        indices: the processes of the run.

    Raises:
        NotEnoughMemory: naming the setting that would fit.
    """

    def __init__(self, config: RunConfig, num_floats: int, indices: ProcessIndices) -> None:
        self._config, self._num_floats, self._indices = config, num_floats, indices
        spec = make_game(config.env).spec
        capacity = f"lower it with --set replay.capacity_steps={max(1000, config.replay.capacity_steps // 4)}"
        self._ring = Segment.create("ring", ring_layout_of(config, spec), remedy=capacity)
        self._weights = Segment.create("weights", weights_layout(num_floats), remedy="use a smaller --preset or network")
        self._telemetry = Segment.create(
            "telemetry", telemetry_layout(indices.num_processes, len(indices.servers)), remedy="use fewer --actors"
        )
        self._lock_fd = create_lock_file("muzero-ring-locks")
        self.telemetry = Telemetry(self._telemetry.arrays)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """What every role inherits."""
        return (self._ring.fd, self._lock_fd, self._weights.fd, self._telemetry.fd)

    def setup(self, role: Role, restart_count: int, folder: RunFolder, resume_from: Checkpoint | None) -> ProcessSetup:
        """Returns what a role is told at its start."""
        return ProcessSetup(
            role=role.name,
            role_index=role.index,
            process_index=role.process_index,
            restart_count=restart_count,
            config=self._config,
            run_dir=str(folder.path),
            socket_dir=str(folder.socket_dir()),
            ring_fd=self._ring.fd,
            lock_fd=self._lock_fd,
            weights_fd=self._weights.fd,
            telemetry_fd=self._telemetry.fd,
            num_processes=self._indices.num_processes,
            num_floats=self._num_floats,
            resume_from=str(resume_from.path) if resume_from else None,
        )

    def before_start(self, role: Role, restart_count: int) -> None:
        """Gives each start of a server a new epoch: the hidden states of the one before are gone."""
        if role.process_index in self._indices.servers:
            self.telemetry.block(role.process_index).add(Counter.EPOCH)

    def restore_counts(self, checkpoint: Checkpoint) -> None:
        """Sets the counters to where the checkpoint left them, whatever the number of actors and reanalyzers is now."""
        restore_counters(self.telemetry, self._indices.actors, checkpoint.manifest)
        self.telemetry.set_control(Control.LEARNER_STEPS, checkpoint.learner_steps)

    def close(self) -> None:
        """Unmaps and closes everything."""
        for segment in (self._ring, self._weights, self._telemetry):
            segment.close()
        os.close(self._lock_fd)
