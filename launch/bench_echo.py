"""A process that sends an answer of a fixed size to each request: over the engine's socket, or over bare ZeroMQ, to compare the two.

It echoes until its stdin says something: "cpu" for the processor time of the process so far. It ends with its stdin.
"""

import sys
import time
from collections.abc import Callable
from contextlib import closing

import msgspec

from engine.transport import ServerSocket
from launch.bare_zeromq import serve_bare
from launch.bench_child import next_question, print_answer

WAIT_SECONDS = 0.02


class EchoTask(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a comparison.

    Attributes:
        address: where it listens.
        reply_bytes: size of each answer.
        is_bare: whether it uses ZeroMQ directly.
    """

    address: str
    reply_bytes: int
    is_bare: bool


def main() -> None:
    """Does the work of the process."""
    task = msgspec.json.decode(sys.argv[1], type=EchoTask)
    if task.is_bare:
        print_answer("ready")
        serve_bare(task.address, task.reply_bytes, _answer_questions, WAIT_SECONDS)
    else:
        _serve(task, _answer_questions)


def _answer_questions() -> bool:
    """Answers a question if there is one; returns whether there will be more."""
    question = next_question(0.0)
    if question:
        print_answer(time.process_time())
    return question != ""


def _serve(task: EchoTask, goes_on: Callable[[], bool]) -> None:
    reply = bytes(task.reply_bytes)
    with closing(ServerSocket(task.address)) as socket:
        print_answer("ready")
        while goes_on():
            deadline = time.monotonic() + WAIT_SECONDS
            while (left := deadline - time.monotonic()) > 0:
                socket.wait(left)
                while (received := socket.receive()) is not None:
                    socket.send(received[0], reply)


if __name__ == "__main__":
    main()
