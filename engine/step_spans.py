"""Turns the phases of a training step, which the trainer calls out, into spans. What a phase is: `muzero/train_step.py`."""

from engine.layout import SpanKind
from engine.trace import SpanRecorder
from muzero.train_step import StepPhase

KIND_OF_PHASE = {
    StepPhase.TO_DEVICE: SpanKind.HOST_TO_DEVICE,
    StepPhase.FORWARD: SpanKind.FORWARD,
    StepPhase.BACKWARD: SpanKind.BACKWARD,
    StepPhase.READ_LOSS: SpanKind.READ_LOSS,
    StepPhase.OPTIMIZER: SpanKind.OPTIMIZER,
}


class StepSpans:
    """Records each phase of a step, from the end of the one before; set it as a trainer's `on_phase`."""

    def __init__(self, spans: SpanRecorder) -> None:
        """Records into the ring of the thread that trains."""
        self._spans = spans
        self._began = 0

    def begin(self) -> None:
        """Says that a step begins."""
        self._began = self._spans.begin()

    def __call__(self, phase: StepPhase) -> None:
        """Says that a phase ends, and the next begins."""
        self._began = self._spans.end(KIND_OF_PHASE[phase], self._began)
