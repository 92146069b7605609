"""Steps per second of lesson 6's training at 64×64 beside the usual PyTorch loop of a CycleGAN, in one run.

    python tests/bench_cyclegan.py [--rounds 3] [--batch 4] [--steps 8]

"usual" is the loop of the paper's code: contiguous tensors from a DataLoader, each translation, identity and round trip
a call of its own, a buffer of 50 old fakes, real and fake pictures in separate calls of the discriminator, a backward
pass for each discriminator. It runs with the lesson's networks (of its 64×64 checkpoint) and with the paper's: 64 maps,
six residual blocks at a quarter of the size, instance normalisation, a 70×70 PatchGAN. Each way runs in a process of its
own, in turn. The first steps warm up and don't count.
"""

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from benching import compare, endless, timed_steps

from helpers import data, lessons, runtime
from helpers import train_translator as script

LESSON, SIDE, RATE = "06_cyclegan", 64, 2e-4
CYCLE, IDENTITY = 10.0, 5.0


def pictures(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Emoji of both domains, (count, 64, 64, 3) float32 in [-1, 1]."""
    domains = data.load_domains("emoji", resolution=SIDE, n=count, n_test=1, quiet=True)
    first, second = (part.images.astype(np.float32) / 127.5 - 1 for part in (domains.train_a, domains.train_b))
    return first, second


def lesson_networks(lesson: Any) -> tuple[list[Any], list[Any]]:
    """Two translators and two discriminators of the size of the lesson's checkpoint."""
    translators = [lesson.make_generator(script.WIDTH, script.BLOCKS, script.DETAIL) for _ in "GG"]
    return translators, [lesson.make_discriminator(script.WIDTH_D, script.LAYERS_D) for _ in "DD"]


def course_way(track: str, batch: int, steps: int) -> dict[str, float]:
    """The lesson's own networks and step over tensors in memory."""
    run = runtime.start(LESSON, track)
    lesson = lessons.definitions(LESSON, track)
    sides = [run.tensor(side) for side in pictures(16 * batch)]
    translators, judges = lesson_networks(lesson)
    game = lesson.Game(*(run.prepare(model) for model in (*translators, *judges)))
    update, rng = run.compiled(game.step), run.rng()
    batches = [endless(lambda side=side: run.batches(side, batch_size=batch, rng=rng)) for side in sides]
    weights = {name: np.float32(value) for name, value in (("cycle", CYCLE), ("identity", IDENTITY), ("noise", 0.1))}

    def step() -> None:
        a, b = (next(side) for side in batches)
        losses, _ = update(a, b, np.float32(RATE), shift=rng.integers(-8, 9, 2).astype(np.int32), **weights)
        run.numpy(losses)

    return timed_steps(step, steps, batch)


def paper_networks() -> tuple[list[Any], list[Any]]:
    """The paper's networks for small pictures: ResNet generators with six blocks, 70×70 PatchGANs."""
    from torch import nn

    def block(a: int, b: int, kernel: int, stride: int = 1, transposed: bool = False) -> list[nn.Module]:
        if transposed:
            conv: nn.Module = nn.ConvTranspose2d(a, b, kernel, stride, 1, output_padding=1)
        else:
            conv = nn.Conv2d(a, b, kernel, stride, 1 if kernel == 3 else 0)
        return [conv, nn.InstanceNorm2d(b), nn.ReLU(True)]

    class Residual(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            first = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width), nn.ReLU(True)]
            self.layers = nn.Sequential(
                *first, nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)
            )

        def forward(self, h: Any) -> Any:
            return h + self.layers(h)

    def generator(w: int = 64) -> nn.Module:
        down = [nn.ReflectionPad2d(3), *block(3, w, 7), *block(w, 2 * w, 3, 2), *block(2 * w, 4 * w, 3, 2)]
        up = [*block(4 * w, 2 * w, 3, 2, True), *block(2 * w, w, 3, 2, True)]
        end = [nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh()]
        return nn.Sequential(*down, *(Residual(4 * w) for _ in range(6)), *up, *end)

    def discriminator(w: int = 64) -> nn.Module:
        layers: list[nn.Module] = [nn.Conv2d(3, w, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        for a, b, stride in ((w, 2 * w, 2), (2 * w, 4 * w, 2), (4 * w, 8 * w, 1)):
            layers += [nn.Conv2d(a, b, 4, stride, 1), nn.InstanceNorm2d(b), nn.LeakyReLU(0.2, True)]
        return nn.Sequential(*layers, nn.Conv2d(8 * w, 1, 4, 1, 1))

    return [generator() for _ in "GG"], [discriminator() for _ in "DD"]


def usual_way(networks: Callable[[], tuple[list[Any], list[Any]]], batch: int, steps: int) -> dict[str, float]:
    """The loop of the paper's code, with these networks."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(0)
    random.seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    (G, F), (D_A, D_B) = ([model.to(device) for model in models] for models in networks())
    opt_G = torch.optim.Adam([*G.parameters(), *F.parameters()], RATE, (0.5, 0.999))
    opt_D = torch.optim.Adam([*D_A.parameters(), *D_B.parameters()], RATE, (0.5, 0.999))
    sides = [torch.from_numpy(side.transpose(0, 3, 1, 2).copy()) for side in pictures(16 * batch)]
    loaders = [DataLoader(TensorDataset(side), batch_size=batch, shuffle=True, drop_last=True) for side in sides]
    batches = [endless(lambda loader=loader: iter(loader)) for loader in loaders]
    l1, mse, pools = nn.L1Loss(), nn.MSELoss(), {"a": [], "b": []}

    def judged(D: nn.Module, images: Any, target: float) -> Any:
        logits = D(images)
        return mse(logits, torch.full_like(logits, target))

    def from_pool(pool: list[Any], fakes: Any) -> Any:
        shown = []
        for fake in fakes.detach():
            if len(pool) < 50:
                pool.append(fake)
            elif random.random() > 0.5:
                place = random.randrange(50)
                fake, pool[place] = pool[place], fake
            shown.append(fake)
        return torch.stack(shown)

    def step() -> None:
        a, b = (next(side)[0].to(device) for side in batches)
        fake_b, fake_a = G(a), F(b)
        back_a, back_b = F(fake_b), G(fake_a)
        for D in (D_A, D_B):
            D.requires_grad_(False)
        opt_G.zero_grad()
        identity = IDENTITY * (l1(G(b), b) + l1(F(a), a))
        adversarial = judged(D_B, fake_b, 1) + judged(D_A, fake_a, 1)
        loss_G = adversarial + CYCLE * (l1(back_a, a) + l1(back_b, b)) + identity
        loss_G.backward()
        opt_G.step()
        for D in (D_A, D_B):
            D.requires_grad_(True)
        opt_D.zero_grad()
        for D, real, fake, pool in ((D_A, a, fake_a, pools["a"]), (D_B, b, fake_b, pools["b"])):
            loss_D = 0.5 * (judged(D, real, 1) + judged(D, from_pool(pool, fake), 0))
            loss_D.backward()
        opt_D.step()
        loss_G.item(), loss_D.item()

    return timed_steps(step, steps, batch)


def usual_with_lesson_networks(batch: int, steps: int) -> dict[str, float]:
    """The paper's loop, the lesson's networks."""
    lesson = lessons.definitions(LESSON, "pytorch")
    return usual_way(lambda: lesson_networks(lesson), batch, steps)


WAYS: dict[str, Callable[[int, int], dict[str, float]]] = {
    "pytorch": lambda *sizes: course_way("pytorch", *sizes),
    "usual loop, same networks": usual_with_lesson_networks,
    "usual loop, paper's networks": lambda *sizes: usual_way(paper_networks, *sizes),
    "tensorflow": lambda *sizes: course_way("tensorflow", *sizes),
}
USUAL = {"pytorch": "usual loop, same networks", "tensorflow": "usual loop, same networks"}
SIZES = {"batch": 4, "steps": 8}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all ways in turn and print medians and ratios."""
    compare(__file__, __doc__, WAYS, USUAL, SIZES, arguments)


if __name__ == "__main__":
    main()
