"""A Go program that speaks GTP on its standard input and output, asked by tests about legality and scores. It never chooses a move."""

import shutil
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

GNUGO = shutil.which("gnugo") or ("/usr/games/gnugo" if Path("/usr/games/gnugo").exists() else None)
COLUMNS = "ABCDEFGHJKLMNOPQRST"
TIMEOUT_SECONDS = 30.0


class GtpReferee:
    """GNU Go as a referee, with area scoring and positional superko. Use it in a `with` statement."""

    def __init__(self, board_size: int, komi: float) -> None:
        """Starts it with an empty board.

        Args:
            board_size: lines, at most 19.
            komi: points added to White's.
        """
        command = [str(GNUGO), "--mode", "gtp", "--chinese-rules", "--positional-superko", "--level", "1"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._killer = threading.Timer(TIMEOUT_SECONDS, self._process.kill)
        self._killer.start()
        self._board_size = board_size
        self._ask([f"boardsize {board_size}", "clear_board", f"komi {komi}"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._killer.cancel()
        self._process.kill()
        self._process.communicate()

    def is_legal(self, player: int, actions: list[int]) -> list[bool]:
        """Returns which of these moves a player may make now."""
        return [answer == "1" for answer in self._ask([f"is_legal {self._move(player, action)}" for action in actions])]

    def play(self, player: int, action: int) -> None:
        """Makes a move; fails if it is not legal."""
        self._ask([f"play {self._move(player, action)}"])

    def sees_dead_stones(self) -> bool:
        """Returns whether it would take stones off the board before it counts."""
        return self._ask(["final_status_list dead"]) != [""]

    def final_score(self) -> float:
        """Returns the first player's points less the second's."""
        score = self._ask(["final_score"])[0]
        return 0.0 if score == "0" else float(score[2:]) * (1 if score[0] == "B" else -1)

    def _move(self, player: int, action: int) -> str:
        row, column = divmod(action, self._board_size)
        vertex = "pass" if row == self._board_size else f"{COLUMNS[column]}{row + 1}"
        return f"{'BW'[player]} {vertex}"

    def _ask(self, commands: list[str]) -> list[str]:
        """Sends all commands at once, because a round trip costs more than an answer, and returns the answers."""
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{command}\n" for command in commands))
        self._process.stdin.flush()
        return [self._answer(command) for command in commands]

    def _answer(self, command: str) -> str:
        """Reads one answer, which an empty line ends."""
        assert self._process.stdout is not None
        answer = ""
        while (line := self._process.stdout.readline()).strip():
            answer += line
        assert answer.startswith("="), f"{command}: {answer}"
        return answer[1:].strip()
