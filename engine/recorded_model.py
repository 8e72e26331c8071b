"""A Model that records how long its network takes, for runs in one process. The network is another Model's."""

from engine.layout import SpanKind
from engine.trace import SpanRecorder
from muzero.types import InitialReply, InitialRequest, Model, RecurrentReply, RecurrentRequest


class RecordedModel:
    """Passes requests on and records each as one batch.

    Args:
        model: answers.
        spans: records into the ring of the device.
    """

    def __init__(self, model: Model, spans: SpanRecorder) -> None:
        self._model, self._spans = model, spans

    def initial_inference(self, request: InitialRequest) -> InitialReply:
        """See Model."""
        began = self._spans.begin()
        reply = self._model.initial_inference(request)
        self._spans.end(SpanKind.FORWARD, began, len(reply.value))
        return reply

    def recurrent_inference(self, request: RecurrentRequest) -> RecurrentReply:
        """See Model."""
        began = self._spans.begin()
        reply = self._model.recurrent_inference(request)
        self._spans.end(SpanKind.FORWARD, began, len(reply.value))
        return reply
