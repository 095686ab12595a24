"""Sceneries and figures of the test's photographs."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

WIDTH, HEIGHT = 640, 480
SEED = 20_240_229
# sky above, sky at the horizon, far hills, ground: one line a camera (red, green, blue)
SCENERIES: tuple[tuple[str, Colour, Colour, Colour, Colour], ...] = (
    ("A01", (96, 150, 200), (214, 226, 230), (124, 148, 128), (150, 150, 98)),
    ("A02", (130, 170, 204), (230, 222, 200), (150, 140, 112), (196, 172, 116)),
    ("A03", (198, 120, 92), (244, 200, 150), (110, 84, 88), (128, 98, 72)),
    ("B01", (150, 176, 186), (216, 222, 216), (96, 126, 104), (92, 116, 70)),
    ("B02", (70, 98, 140), (190, 176, 190), (74, 80, 100), (92, 96, 80)),
    ("B03", (178, 200, 216), (236, 238, 236), (170, 184, 190), (222, 226, 228)),
    ("C01", (112, 160, 178), (206, 220, 206), (70, 104, 74), (70, 92, 54)),
    ("C02", (88, 140, 196), (220, 220, 212), (178, 132, 98), (206, 150, 100)),
    ("C03", (156, 160, 170), (210, 210, 208), (120, 120, 116), (136, 130, 112)),
    ("D01", (120, 176, 214), (232, 236, 226), (106, 142, 96), (132, 158, 84)),
    ("D02", (170, 142, 168), (240, 208, 190), (122, 104, 120), (140, 122, 98)),
    ("D03", (140, 186, 206), (228, 230, 214), (140, 152, 120), (170, 166, 120)),
)


def draw(camera: int, looks: str, seed: int, step: float) -> Image:
    """The scenery of a camera, and whoever walks through it, a step further in each frame; (HEIGHT, WIDTH, 3) RGB."""
    rng = np.random.default_rng(seed)
    light = rng.uniform(0.72, 1.08)
    scene = scenery(camera).copy()
    figure = FIGURES.get(looks)
    if figure is not None:
        size = rng.uniform(0.85, 1.2)
        towards = 1 if rng.random() < 0.5 else -1
        x = WIDTH * rng.uniform(0.38, 0.62) + towards * 90 * (step - 0.4)
        y = HEIGHT * rng.uniform(0.62, 0.72)
        pen = Pen(scene, x, y, 1.5 * size, towards, step)
        pen.shadow()
        figure(pen, rng)
    frame = np.random.default_rng((seed, round(step * 5)))
    grain = _grain()[frame.integers(64) :, frame.integers(64) :][:HEIGHT, :WIDTH]
    return cv2.convertScaleAbs(cv2.add(scene, grain, dtype=cv2.CV_16S), alpha=light)


@functools.cache
def _grain() -> NDArray[np.int16]:
    rng = np.random.default_rng(SEED)
    noise = rng.normal(0, 3, (HEIGHT + 64, WIDTH + 64))
    return np.repeat(noise.astype(np.int16)[..., None], 3, axis=2)


@functools.cache
def scenery(camera: int) -> Image:
    """Sky, hills, ground with tufts of grass, and a tree or two."""
    _, above, low, hills, ground = SCENERIES[camera]
    rng = np.random.default_rng((SEED, camera))
    horizon = int(HEIGHT * rng.uniform(0.40, 0.5))
    mix = np.linspace(0, 1, HEIGHT)[:, None, None] / (horizon / HEIGHT)
    scene = np.clip(np.array(above) * (1 - mix) + np.array(low) * mix, 0, 255)
    scene = np.repeat(scene, WIDTH, axis=1)
    columns = np.arange(WIDTH)
    for depth, shade in ((1.0, 0.35), (0.6, 0.0)):
        waves = sum(
            rng.uniform(8, 26) * depth * np.sin(columns / rng.uniform(40, 150) + rng.uniform(0, 6)) for _ in range(3)
        )
        top = horizon - 40 * depth + waves
        below = np.arange(HEIGHT)[:, None] > top[None]
        scene[below] = np.array(hills) * (1 - shade) + np.array(low) * shade
    scene[horizon + 8 :] = np.linspace(0.86, 1.06, HEIGHT - horizon - 8)[:, None, None] * np.array(ground)
    rough = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH)), (0, 0), 3) + rng.normal(0, 5, (HEIGHT, WIDTH))
    scene[horizon + 8 :] += rough[horizon + 8 :, :, None]
    scene = np.clip(scene, 0, 255).astype(np.uint8)
    _grass(scene, horizon, ground, rng)
    for _ in range(int(rng.integers(1, 3))):
        _tree(scene, int(rng.choice([60, 120, 540, 600])), horizon + int(rng.integers(10, 60)), rng)
    return cv2.GaussianBlur(scene, (0, 0), 0.8)


def _grass(scene: Image, horizon: int, ground: Colour, rng: np.random.Generator) -> None:
    for _ in range(700):
        y = int(horizon + 14 + (HEIGHT - horizon) * rng.random() ** 0.8)
        x, length = int(rng.integers(WIDTH)), 3 + (y - horizon) / 14
        shade = rng.uniform(0.6, 1.15)
        colour = tuple(int(min(255, value * shade)) for value in ground)
        tip = (int(x + rng.normal(0, length / 3)), int(y - length))
        cv2.line(scene, (x, y), tip, colour, 1, cv2.LINE_AA)


def _tree(scene: Image, x: int, y: int, rng: np.random.Generator) -> None:
    height = int(rng.integers(150, 230))
    trunk, leaves = (74, 60, 48), np.array([70, 92, 56]) * rng.uniform(0.7, 1.2)
    cv2.line(scene, (x, y), (x, y - height), trunk, 9, cv2.LINE_AA)
    for side in (-1, 1):
        cv2.line(scene, (x, y - height // 2), (x + side * 46, y - height + 10), trunk, 5, cv2.LINE_AA)
    for _ in range(60):
        centre = (int(x + rng.normal(0, 44)), int(y - height + rng.normal(0, 14)))
        colour = tuple(np.clip(leaves * rng.uniform(0.75, 1.2), 0, 255).astype(int).tolist())
        axes = (int(rng.integers(9, 22)), int(rng.integers(5, 11)))
        cv2.ellipse(scene, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)


@dataclass
class Pen:
    """Draws in a figure's own units: x forwards, y upwards from its feet, some 100 high."""

    scene: Image
    x: float
    y: float
    size: float
    towards: int
    step: float

    def at(self, x: float, y: float) -> tuple[int, int]:
        return int(self.x + self.towards * x * self.size), int(self.y - y * self.size)

    def oval(self, x: float, y: float, wide: float, high: float, colour: Colour, tilt: float = 0) -> None:
        axes = (max(1, int(wide * self.size)), max(1, int(high * self.size)))
        cv2.ellipse(self.scene, self.at(x, y), axes, -tilt * self.towards, 0, 360, colour, -1, cv2.LINE_AA)

    def line(self, points: list[tuple[float, float]], thick: float, colour: Colour) -> None:
        corners = np.array([self.at(*point) for point in points], np.int32)
        cv2.polylines(self.scene, [corners], False, colour, max(1, int(thick * self.size)), cv2.LINE_AA)

    def shape(self, points: list[tuple[float, float]], colour: Colour) -> None:
        cv2.fillPoly(self.scene, [np.array([self.at(*point) for point in points], np.int32)], colour, cv2.LINE_AA)

    def legs(self, places: tuple[float, ...], high: float, thick: float, colour: Colour) -> None:
        for number, x in enumerate(places):
            swing = 9 * np.sin(self.step * 9 + number * 1.9)
            self.line([(x, high), (x + swing * 0.4, high / 2), (x + swing, 0)], thick, colour)

    def shadow(self) -> None:
        left, top = self.at(-64 * self.towards, 7)
        right, bottom = self.at(64 * self.towards, -9)
        part = self.scene[max(0, top) : bottom, max(0, left) : right]
        if part.size:
            shade = np.ones(part.shape[:2], np.float32)
            centre = (part.shape[1] // 2, part.shape[0] // 2)
            cv2.ellipse(shade, centre, (max(1, centre[0] - 6), max(1, centre[1] - 3)), 0, 0, 360, 0.6, -1)
            part[:] = part * cv2.GaussianBlur(shade, (0, 0), 4)[..., None]


def _zebra(pen: Pen, rng: np.random.Generator) -> None:
    white, black = (236, 232, 224), (34, 32, 34)
    pen.legs((-36, -26, 26, 36), 44, 7, white)
    pen.oval(0, 58, 50, 23, white)
    pen.line([(40, 66), (62, 98)], 19, white)
    pen.oval(73, 99, 17, 9, white, -28)
    pen.line([(-49, 66), (-60, 34)], 3, black)
    for x in range(-44, 46, 9):
        bend = 18 * np.sqrt(max(0.0, 1 - (x / 52) ** 2))
        pen.line([(x, 58 + bend), (x + 3, 60), (x - 2, 58 - bend)], 3.6, black)
    for rise in range(4):
        pen.line([(39 + 6 * rise, 82 + 9 * rise - 5), (54 + 6 * rise, 69 + 9 * rise)], 3.2, black)
    for x in (-36, -26, 26, 36):
        for y in (14, 24, 34):
            pen.line([(x - 4, y), (x + 4, y)], 3, black)
    pen.line([(36, 84), (58, 110)], 5, black)
    pen.oval(86, 92, 5, 5, black)
    pen.line([(62, 106), (60, 118)], 4, white)


def _fox(pen: Pen, rng: np.random.Generator) -> None:
    orange, white, black = (206, 104, 40), (240, 230, 216), (46, 34, 30)
    pen.line([(-34, 40), (-58, 34), (-82, 42)], 19, orange)
    pen.oval(-88, 44, 12, 9, white)
    pen.legs((-28, -20, 22, 30), 30, 6, black)
    pen.oval(0, 40, 40, 16, orange)
    pen.oval(10, 32, 24, 8, white)
    pen.oval(42, 56, 17, 14, orange)
    pen.shape([(50, 60), (72, 46), (48, 44)], white)
    pen.oval(71, 47, 3, 3, black)
    pen.shape([(30, 64), (34, 88), (44, 68)], orange)
    pen.shape([(42, 66), (50, 86), (55, 62)], black)
    pen.oval(51, 58, 2.4, 2.4, black)


def _elephant(pen: Pen, rng: np.random.Generator) -> None:
    grey, dark, tusk = (128, 122, 120), (98, 92, 92), (240, 234, 214)
    pen.legs((-38, -20, 22, 38), 54, 19, dark)
    pen.oval(0, 78, 60, 38, grey)
    pen.oval(56, 92, 28, 27, grey)
    pen.oval(42, 90, 20, 30, dark, 10)
    pen.line([(80, 84), (94, 54), (88, 24), (96, 12)], 12, grey)
    pen.line([(74, 74), (94, 66), (104, 72)], 4.5, tusk)
    pen.line([(-58, 84), (-66, 46)], 4, dark)
    pen.oval(66, 99, 3, 3, (30, 28, 28))


def _flamingo(pen: Pen, rng: np.random.Generator) -> None:
    pink, deep, black = (240, 150, 158), (222, 96, 112), (40, 36, 40)
    for shift in (-46, 0, 48):
        at = Pen(pen.scene, pen.x + shift * pen.size, pen.y - 6 * (shift != 0), pen.size * 0.92, pen.towards, pen.step)
        at.line([(-4, 60), (-2, 30), (-5, 0)], 2.6, deep)
        at.line([(6, 60), (10, 32), (3, 16)], 2.6, deep)
        at.oval(0, 70, 27, 15, pink, 14)
        at.oval(-12, 70, 19, 9, deep, 18)
        at.line([(20, 76), (34, 92), (24, 108), (34, 122)], 6, pink)
        at.oval(37, 122, 8, 6, pink)
        at.line([(43, 121), (52, 112)], 5, black)


def _tortoise(pen: Pen, rng: np.random.Generator) -> None:
    shell, plate, skin = (92, 74, 44), (168, 140, 78), (112, 112, 78)
    pen.legs((-36, -22, 24, 38), 18, 15, skin)
    pen.line([(44, 24), (68, 34)], 12, skin)
    pen.oval(74, 37, 12, 9, skin)
    pen.oval(78, 39, 2, 2, (20, 20, 20))
    pen.shape([(-54, 18)] + [(54 * np.cos(a), 18 + 50 * np.sin(a)) for a in np.linspace(np.pi, 0, 24)], shell)
    for x, y, wide, high in ((0, 50, 14, 11), (-26, 42, 10, 10), (26, 42, 10, 10), (-12, 27, 10, 6), (14, 27, 10, 6)):
        pen.oval(x, y, wide, high, plate)
        pen.oval(x, y, wide * 0.5, high * 0.5, shell)
    pen.line([(-54, 18), (54, 18)], 6, plate)


def _leopard(pen: Pen, rng: np.random.Generator) -> None:
    gold, cream, dark = (214, 168, 88), (238, 220, 180), (52, 38, 26)
    pen.line([(-46, 52), (-70, 40), (-92, 62)], 7, gold)
    pen.legs((-38, -26, 26, 38), 38, 10, gold)
    pen.oval(0, 50, 52, 19, gold)
    pen.oval(4, 40, 34, 8, cream)
    pen.oval(56, 66, 18, 16, gold)
    pen.oval(64, 60, 9, 7, cream)
    pen.oval(47, 80, 5, 5, dark)
    pen.oval(62, 81, 5, 5, dark)
    pen.oval(71, 62, 3, 2.4, dark)
    for _ in range(46):
        angle, far = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random())
        pen.oval(48 * far * np.cos(angle), 51 + 16 * far * np.sin(angle), 3.4, 2.8, dark)
    for x in (-80, -70, -60):
        pen.oval(x, 47, 3, 3, dark)


def _vehicle(pen: Pen, rng: np.random.Generator) -> None:
    paint = ((74, 96, 72), (192, 188, 176), (60, 88, 128))[rng.integers(3)]
    dark, glass = (30, 30, 32), (176, 200, 212)
    pen.shape([(-88, 22), (-88, 62), (-80, 100), (34, 100), (52, 64), (92, 58), (94, 22)], paint)
    pen.shape([(-72, 66), (-68, 92), (-28, 92), (-28, 66)], glass)
    pen.shape([(-20, 66), (-20, 92), (28, 92), (42, 66)], glass)
    for x in (-54, 56):
        pen.oval(x, 20, 22, 22, dark)
        pen.oval(x, 20, 10, 10, (150, 150, 150))
    pen.oval(90, 46, 5, 6, (250, 240, 190))
    pen.line([(-90, 30), (94, 30)], 4, dark)


def _person(pen: Pen, rng: np.random.Generator) -> None:
    coat = ((190, 52, 44), (40, 84, 150), (226, 170, 40))[rng.integers(3)]
    trousers, skin = (56, 58, 66), (206, 160, 130)
    pen.legs((-7, 7), 58, 14, trousers)
    pen.shape([(-20, 56), (-17, 110), (17, 110), (20, 56)], coat)
    pen.shape([(-34, 66), (-34, 106), (-16, 108), (-16, 64)], (84, 92, 60))
    pen.line([(14, 104), (26, 82), (36, 74)], 10, coat)
    pen.oval(2, 126, 12, 14, skin)
    pen.shape([(-14, 128), (-10, 144), (12, 144), (16, 130)], (70, 60, 50))
    pen.line([(36, 74), (42, 0)], 2.4, (96, 76, 56))


FIGURES: dict[str, Callable[[Pen, np.random.Generator], None]] = {
    "zebra": _zebra,
    "fox": _fox,
    "elephant": _elephant,
    "flamingo": _flamingo,
    "tortoise": _tortoise,
    "leopard": _leopard,
    "vehicle": _vehicle,
    "person": _person,
}
