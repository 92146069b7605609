"""A progress bar that leaves its last state in a saved notebook, readable without colour and without JavaScript."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import Any

_EVERY = 0.25  # seconds between two redraws


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


class Progress:
    """Iterate with a bar: label, share done, count, seconds, and a note of your own.

    iterable: anything to loop over; total: its length when it has none. Set a note with `bar.note("loss 1.2")`.
    """

    def __init__(self, iterable: Iterable[Any], label: str, total: int | None = None) -> None:
        self._iterable = iterable
        self._label = label
        self._total = total if total is not None else (len(iterable) if isinstance(iterable, Sized) else None)
        self._done = 0
        self._note = ""
        self._started = time.perf_counter()
        self._drawn = 0.0
        self._notebook = _in_notebook()
        self._handle: Any = None

    def __iter__(self) -> Iterator[Any]:
        self._started = time.perf_counter()
        self._draw()
        try:
            for item in self._iterable:
                yield item
                self._done += 1
                if time.perf_counter() - self._drawn > _EVERY:
                    self._draw()
        finally:
            self._draw(last=True)

    def note(self, text: str) -> None:
        """Show `text` behind the bar from the next redraw on."""
        self._note = text

    def line(self) -> str:
        """The bar as one line of text."""
        seconds = time.perf_counter() - self._started
        count = f"{self._done}" if self._total is None else f"{self._done}/{self._total}"
        bar = ""
        if self._total:
            filled = round(20 * self._done / self._total)
            bar = "█" * filled + "░" * (20 - filled) + " "
        note = f" · {self._note}" if self._note else ""
        return f"{self._label} {bar}{count} · {seconds:.0f} s{note}"

    def _draw(self, last: bool = False) -> None:
        self._drawn = time.perf_counter()
        text = self.line()
        if not self._notebook:
            if sys.stderr.isatty():
                print("\r" + text.ljust(100), end="\n" if last else "", file=sys.stderr, flush=True)
            return
        from IPython.display import display

        bundle = {"text/plain": text}
        if self._handle is None:
            self._handle = display(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)
