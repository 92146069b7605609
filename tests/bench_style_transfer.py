"""Lesson 8's speed: steps of a transfer beside a plain PyTorch loop; and a whole transfer, a preview and one pass.

    python tests/bench_style_transfer.py [--rounds 3] [--side 256] [--steps 30]
    python tests/bench_style_transfer.py --whole pytorch        # only the whole transfers, in one framework

The transfer is that of the profile `quick`: content from the last layer, style from the first six, total variation, Adam on
the pixels, from the photo on. "plain loop" does the same as scripts for style transfer do: contiguous tensors, a Gram matrix
on every layer in use by a batched product, mean squared errors, a loss that is summed in Python and printed numbers that wait
for it. Each way runs in a process of its own, in turn; the first steps warm up and don't count. The whole transfer is timed
from the two pictures to the result, TensorFlow's tracing included.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from benching import busy_seconds, compare, timed_steps

from helpers import checkpoints, data, drawn_styles, lessons, runtime, style_networks

LESSON, PHOTO, STYLE = "08_style_transfer", "coffee", "stained glass"
STYLE_WEIGHT, W_TV, RATE = 12.0, 5.0, 0.05
WHOLE = {  # name: side, steps, the seconds that it may take on two cores
    "a transfer": (256, 250, 45.0),
    "a preview": (128, 60, 5.0),
}
PASSES = 5


def pictures(side: int) -> tuple[np.ndarray, np.ndarray]:
    """A photo and a drawn style, (1, side, side, 3) float32 in [0, 1]."""
    photos = data.load("photos", resolution=side, quiet=True)
    photo = photos.train.images[photos.class_names.index(PHOTO)]
    return tuple(image[None].astype(np.float32) / 255 for image in (photo, drawn_styles.draw(STYLE, side)))


def lesson_parts(track: str) -> tuple[Any, Any, Any]:
    """A run, the lesson's definitions, and a transfer with all layers of the network."""
    run = runtime.start(LESSON, track)
    lesson = lessons.definitions(LESSON, track)
    net = style_networks.load("efficientnet-lite0", framework=track)
    return run, lesson, lesson.StyleTransfer(net, [layer.name for layer in net.layers])


def targets_of(run: Any, lesson: Any, transfer: Any, content: np.ndarray, style: np.ndarray) -> Any:
    """The targets of the lesson's main transfer."""
    style_weights = dict.fromkeys(transfer.layers[:6], STYLE_WEIGHT / 6)
    return lesson.make_targets(run, transfer, content, [style], {transfer.layers[-1]: 1.0}, style_weights, W_TV)


def course_way(track: str, side: int, steps: int) -> dict[str, float]:
    """The lesson's own steps."""
    run, lesson, transfer = lesson_parts(track)
    content, style = pictures(side)
    targets = targets_of(run, lesson, transfer, content, style)
    pixels = lesson.PixelOptimizer(run.tensor(content), RATE)

    def step() -> None:
        losses, gradient = transfer.slope(pixels.x, targets)
        run.numpy(losses)
        pixels.step(gradient, RATE)

    return timed_steps(step, steps, 1)


def plain_loop(side: int, steps: int) -> dict[str, float]:
    """The same transfer as it is usually written in PyTorch."""
    import torch
    from torch.nn import functional as F

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    net = style_networks.load("efficientnet-lite0", framework="pytorch")
    names = [layer.name for layer in net.layers]
    content, style = (torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(device) for x in pictures(side))

    def gram(f: Any) -> Any:
        flat = f.contiguous().view(f.shape[0], f.shape[1], -1)
        return torch.bmm(flat, flat.transpose(1, 2)) / flat.shape[2]

    with torch.no_grad():
        aim = net(content, names)[-1]
        wanted = [gram(f) for f in net(style, names)]
    x = content.clone().requires_grad_(True)
    adam = torch.optim.Adam([x], lr=RATE)

    def step() -> None:
        adam.zero_grad()
        maps = net(x, names)
        loss_content = F.mse_loss(maps[-1], aim) / aim.square().mean()
        grams = [gram(f) for f in maps]
        loss_style = 0.0
        for g, a in list(zip(grams, wanted, strict=True))[:6]:
            loss_style = loss_style + F.mse_loss(g, a) / a.square().mean()
        rows = ((x[:, :, 1:] - x[:, :, :-1]) ** 2).mean()
        columns = ((x[:, :, :, 1:] - x[:, :, :, :-1]) ** 2).mean()
        loss = loss_content + STYLE_WEIGHT / 6 * loss_style + W_TV * (rows + columns)
        loss.backward()
        adam.step()
        with torch.no_grad():
            x.clamp_(0, 1)
        loss.item(), loss_content.item(), loss_style.item()

    return timed_steps(step, steps, 1)


WAYS: dict[str, Callable[[int, int], dict[str, float]]] = {
    "pytorch": lambda *sizes: course_way("pytorch", *sizes),
    "plain loop, same network": plain_loop,
    "tensorflow": lambda *sizes: course_way("tensorflow", *sizes),
}
USUAL = {"pytorch": "plain loop, same network", "tensorflow": "plain loop, same network"}
SIZES = {"side": 256, "steps": 30}


def whole_seconds(track: str) -> dict[str, float]:
    """Seconds of whole transfers from pictures to result, and of one pass of the stored decoder."""
    run, lesson, transfer = lesson_parts(track)
    seconds: dict[str, float] = {}
    started, before = time.perf_counter(), busy_seconds()[1]
    for name, (side, steps, _) in WHOLE.items():
        content, style = pictures(side)
        begun = time.perf_counter()
        targets = targets_of(run, lesson, transfer, content, style)
        *_, (_, _, losses) = lesson.optimise(run, transfer, targets, content, steps, rate=RATE)
        seconds[name] = time.perf_counter() - begun
        seconds[f"loss of {name}"] = float(losses.sum())
    seconds["one pass"] = _one_pass(run, lesson, transfer)
    seconds["others"] = max(0.0, (busy_seconds()[1] - before) / (time.perf_counter() - started))
    return seconds


def _one_pass(run: Any, lesson: Any, transfer: Any) -> float:
    """Seconds for a picture of 256×256 by the stored decoder, after a first one that warms up."""
    state, info = checkpoints.load(LESSON)
    decoder = lesson.Decoder(info["channels"], info["widths"], info["scales"])
    checkpoints.set_state(decoder, state)
    fast = lesson.FastTransfer(transfer, run.prepare(decoder), info["joined"])
    content, style = (run.tensor(image) for image in pictures(256))
    run.numpy(fast.stylise(content, style))
    begun = time.perf_counter()
    for _ in range(PASSES):
        run.numpy(fast.stylise(content, style))
    return (time.perf_counter() - begun) / PASSES


def print_whole() -> None:
    """Measure whole transfers in both frameworks, each in a process of its own, and print them beside their targets."""
    print("\nfrom two pictures to the result [s]")
    for track in lessons.TRACKS:
        done = subprocess.run([sys.executable, __file__, "--whole", track], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{track} failed:\n{done.stderr[-2000:]}")
        seconds = json.loads(done.stdout.strip().splitlines()[-1])
        for name, (side, steps, most) in WHOLE.items():
            words = f"{name}, {side}×{side}, {steps} steps"
            verdict = "" if seconds[name] <= most else "   TOO SLOW"
            print(f"{track:<11} {words:<36} {seconds[name]:7.2f}   (target: {most:g}){verdict}")
        ratio = seconds["a transfer"] / seconds["one pass"]
        print(f"{track:<11} {'one pass, 256×256':<36} {seconds['one pass']:7.3f}   ({ratio:.0f} times as fast)")
        print(f"{track:<11} other programs kept {seconds['others']:.1f} processors busy")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways of making a step in turn, then the whole transfers, and print medians and ratios."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["--whole"]:
        print(json.dumps(whole_seconds(given[1])))
        return
    compare(__file__, __doc__, WAYS, USUAL, SIZES, given)
    if "--way" not in given:
        print_whole()


if __name__ == "__main__":
    main()
