"""Points for an answer in the kernel that holds it: what the hidden test of an nbgrader sheet calls.

The answer is judged as `helpers.grade` judges it, on the notebook's own cases and on fresh ones. Unlike there, no wall stands
between the student's code and the course's answers; `helpers.grading.nbgrader` has nbgrader grade behind walls.
"""

import io
import math
import zlib
from typing import Any

from helpers import exercises
from helpers.grading.judge import Rules, judge
from helpers.grading.session import Session
from helpers.grading.wire import Packer, Unpacker, frame, read_frame
from helpers.grading.worker import Worker
from helpers.grading.workers import Settings


def earned(lesson: str, qid: str, answer: Any, track: str, partial: float = 0.5) -> float:
    """The points from 0 to all of the exercise that an answer earns; what is wrong with it is printed.

    partial: the share for a mistake that the exercise names, or for half of the cases. Raises UnknownExercise.
    """
    if qid not in exercises.definitions(lesson):
        raise exercises.UnknownExercise(f"lesson {lesson} has no exercise {qid!r}")
    exercise = exercises.definitions(lesson)[qid]
    worker = _Here(track, answer)
    session = Session(_NoPipes(worker), Settings(forked=False), lambda _: 0)
    worker.session = session
    described, _ = session.load([], "answer")
    verdict = judge(exercise, described, session, track, Rules(zlib.crc32(lesson.encode()), partial=partial), lesson)
    print("\n".join(verdict.messages))
    return verdict.points


class _Here(Worker):
    """The worker's side of a conversation, in this process: its only answer is at hand."""

    session: Session

    def __init__(self, track: str, answer: Any) -> None:
        super().__init__(-1, -1, track)
        self.answer = answer

    def _load(self, message: dict[str, Any], unpacker: Unpacker, packer: Packer) -> dict[str, Any]:
        return {"state": "ok", "value": packer.pack(self.answer)}

    def _call_back(self, number: int, *given: Any) -> Any:
        return self.session.callbacks[number](*given)


class _NoPipes:
    """Hands a message to the worker when it is written, and its reply to whoever reads next."""

    deadline = math.inf

    def __init__(self, worker: _Here) -> None:
        self.worker, self.reply = worker, io.BytesIO()

    def write(self, content: bytes) -> None:
        """Let the worker answer."""
        self.reply = io.BytesIO(frame(*self.worker._answer(*read_frame(io.BytesIO(content).read))))

    def read(self, count: int) -> bytes:
        """The next bytes of the answer."""
        return self.reply.read(count)
