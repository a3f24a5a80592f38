"""What lies and stands about on a site and is not to be found."""

import math
from typing import NamedTuple

import numpy as np
from canvas import Pen
from shapes import shade, shift


class Drawing(NamedTuple):
    "An object that is one table of shapes."

    extent: str
    table: str
    colours: tuple[str, ...] = ()  # one is drawn: the paint called `own`
    outline: float | None = 0.62  # how dark the rim is, None if one looks through the object


def paint_drawing(drawing, rng, scale, flip):
    "A pen that has drawn it, `scale` pixels a metre; `flip` mirrors it, as everywhere below."
    p = Pen(drawing.extent, scale, flip)
    own = rng.choice(drawing.colours) if drawing.colours else None
    p.draw(drawing.table, {"own": own})
    return p.finish(drawing.outline) if drawing.outline else p


CONE = """
rect #28282c         -0.3,0 0.3,0.08
poly #ff6014         -0.22,0.08 0.22,0.08 0.04,0.8 -0.04,0.8
poly #f5f5f5~#787878 -0.15,0.32 0.15,0.32 0.11,0.5 -0.11,0.5
"""
LAMP = """
poly #5a5c60         -0.7,0 0.7,0 0.1,0.8 -0.1,0.8
line #787a7e         0,0 0,6 / 0.13
rect #fffae2~#fff6d6 -0.8,5.8 0,6.4
rect #fffae2~#fff6d6 -0.1,5.8 0.7,6.4
"""
TOILET = """
block own      -0.6,0.05 0.6,0.05 0.6,2.2 -0.6,2.2 / 0.35,0.2
poly  #eceeee  -0.65,2.2 1,2.3 0.7,2.6 -0.4,2.55
rect  own*1.2  -0.45,0.2 0.45,2
rect  #1e1e1e  0.3,1 0.38,1.2
"""
PIPES = """
disc own*0.7 -0.8,0.67 / 0.54 x3 1.1,0
disc own     -1.1,0.55 / 0.54 x3 1.1,0
disc #2e2c2c -1.1,0.55 / 0.38 x3 1.1,0
disc own*0.7 -0.25,1.62 / 0.54 x2 1.1,0
disc own     -0.55,1.5 / 0.54 x2 1.1,0
disc #2e2c2c -0.55,1.5 / 0.38 x2 1.1,0
disc own*0.7 0.3,2.57 / 0.54
disc own     0,2.45 / 0.54
disc #2e2c2c 0,2.45 / 0.38
"""
FENCE = """
line #969ca096 -7,0.15 -7,2.05 / 0.02 x42 0.34,0
line #969ca096 -7,0.2 7,0.2 / 0.02 x5 0,0.42
line #969ca0   -7,0.12 7,0.12 / 0.07 x2 0,1.96
line #969ca0   -7,0 -7,2.15 / 0.08 x7 2.3,0
rect #c4c2bc   -7.35,-0.05 -6.65,0.14 x7 2.3,0
"""  # welded mesh: one looks through it
DRAWINGS = {
    "cone": Drawing("-0.4,-0.1 0.4,1", CONE),
    "fence": Drawing("-7.2,-0.1 7.2,2.4", FENCE, outline=None),
    "lamp": Drawing("-1.2,-0.1 1.2,7", LAMP),
    "pipes": Drawing("-2.2,-0.1 2.8,2.6", PIPES, ("#b0b0aa", "#c46e3c", "#3c6482")),
    "toilet": Drawing("-0.8,-0.1 1.2,2.9", TOILET, ("#1e78be", "#28966e")),
}

# What differs from one to the next in more than its colour

CONTAINER = """
block wall      -3,0.1 3,0.1 3,2.6 -3,2.6 / 0.7,0.35
rect  wall*0.82 -2.9,0.25 -2.8,2.45 x20 0.3,0
"""
DOOR_AND_WINDOWS = """
rect #beced6~#96783c -2.2,1.2 -1.1,2.1
rect #beced6~#96783c 1.2,1.2 2.3,2.1
rect wall*0.6        -0.5,0.15 0.4,2.2
"""
PALLET = """
rect  #967046 -1,0 1,0.16
block brick   -0.95,0.16 0.95,0.16 0.95,1.35 -0.95,1.35 / 0.45,0.3
"""
BED_JOINT = "rect brick*0.7 -0.95,0.16 0.95,0.19"
HEAD_JOINTS = "rect brick*0.75 -0.95,0.16 -0.92,0.36 x5 0.4,0"
NETTING = """
rect #ff6e1ecd -4.5,0.12 4.5,1
line #c84a10   -4.5,0.12 4.5,0.12 / 0.025 x5 0,0.22
"""
CORD = "line #c84a10 0,0.12 0,1 / 0.02"
STAKES = "line #5a4632 -4.5,0 -4.5,1.2 / 0.08 x6 1.8,0"
BARRIER = "block paint 0,0 2,0 2,0.25 1.9,0.85 0.1,0.85 0,0.25 / 0.2,0.16"


def container(rng, scale, flip):
    "Some are offices, with a door and windows."
    paints = {"wall": rng.choice(["#345c82", "#964232", "#56745c", "#dedace"])}
    p = Pen("-3.2,-0.1 4,3.4", scale, flip)
    p.draw(CONTAINER, paints)
    if rng.random() < 0.6:
        p.draw(DOOR_AND_WINDOWS, paints)
    return p.finish()


def bricks(rng, scale, flip):
    "On a pallet, every other course half a brick further."
    paints = {"brick": rng.choice(["#b0543c", "#aaaaa4", "#cea06e"])}
    p = Pen("-1.2,-0.1 1.8,2", scale, flip)
    p.draw(PALLET, paints)
    for course in range(6):
        y = course * 0.2
        p.draw(BED_JOINT, paints, shift(0, y))
        p.draw(HEAD_JOINTS, paints, shift(course % 2 * 0.2, y))
    return p.finish()


def netting(rng, scale, flip):
    "Low and orange, on stakes; what stands behind it is partly hidden."
    p = Pen("-4.7,-0.1 4.7,1.4", scale, flip)
    p.draw(NETTING)
    for x in np.arange(-4.5, 4.5, 0.22):
        p.draw(CORD, at=shift(x, 0))
    p.draw(STAKES)
    return p


def barrier(rng, scale, flip):
    "Two to four pieces, grey, or grey and red in turn."
    count = rng.randint(2, 4)
    p = Pen("-0.2,-0.1 9,1.4", scale, flip)
    for i in range(count):
        red = rng.random() < 0.6 and i % 2
        colour = "#de3c28" if red else "#d6d4ce"
        p.draw(BARRIER, {"paint": colour}, shift(i * 2.1, 0))
    return p.finish()


def pile(rng, scale, flip):
    "A heap of soil with stones on it."
    width = rng.uniform(4, 7)
    height = rng.uniform(1.4, 2.4)
    soil = rng.choice(["#705034", "#866842", "#5c5856"])
    half = width / 2

    def slope(x):
        return max(0, math.cos(x / width * math.pi))

    p = Pen([(-half - 0.3, -0.2), (half + 0.3, height + 0.4)], scale, flip)
    outline = []
    for x in np.linspace(-half, half, 40):
        bumpy = 1 + 0.035 * rng.uniform(-1, 1)
        outline.append((x, height * slope(x) ** 1.1 * bumpy))
    p.poly([*outline, (half, -0.15), (-half, -0.15)], soil)
    dark_side = [(x, y * 0.98) for x, y in outline if x > width * 0.04]
    p.poly([*dark_side, (half, -0.15), (width * 0.16, -0.15)], shade(soil, 0.82))
    for _ in range(60):
        x = rng.uniform(-half, half) * 0.92
        y = rng.random() * height * slope(x)
        radius = rng.uniform(0.04, 0.11)
        p.disc(x, y * 0.92, radius, shade(soil, rng.uniform(0.7, 1.2)))
    return p.finish(outline=0.85)
