"""A tower crane: the mast, a jib that is level or raised, counterweights, a hook."""

import math

import numpy as np
from canvas import Pen
from PIL import Image, ImageChops
from shapes import placed, shade, shift, toward

COLOURS = ["#f6be14", "#f6be14", "#d63224", "#ecece4", "#2868b0"]
ROPE = "#3c3c40"
RING = 0.9  # metres from the mast to the jib: the ring on which everything above turns
MAST_PIECE = """
line crane*0.8  -0.95,0 0.95,2 / 0.18
line crane*0.68 0.95,0 -0.95,2 / 0.18
line crane*0.8  -0.95,0 0.95,0 / 0.16
"""
WEIGHTS = """
rect #969896*0.84 0.2,-1.8 1.25,1
rect #969896      1.45,-1.8 2.5,1
rect #969896*0.84 2.7,-1.8 3.75,1
"""
CAB = """
rect #f0f0ec         1,-0.5 2.9,1.9
rect #5a829c~#786432 1.7,0.2 2.9,1.5
"""
HOOK = "rect #dc3c28 -0.45,-1.2 0.45,0"
WARNING_LAMP = "disc #e6281e~#ff321e 0,0 / 0.45"


def draw_mast(p, tall, colour):
    "Two legs with crossed bracing on a foot of concrete."
    for y in np.arange(0, tall, 2.0):
        p.draw(MAST_PIECE, {"crane": colour}, shift(0, y))
    for x, tone in ((-0.95, 1.0), (0.95, 0.82)):
        p.line([(x, 0), (x, tall)], 0.42, shade(colour, tone))
    p.rect(-2, 0, 2, 1.1, "#969896")


def draw_girder(p, a, b, width, step, colour):
    "Two chords and zigzag bracing from a to b; its width lies on the left of that line."
    across = b[0] - a[0]
    up = b[1] - a[1]
    length = math.hypot(across, up)
    at = placed(a, across / length, up / length)
    count = max(2, round(length / step))
    for i in range(count):
        start = length * i / count
        end = length * (i + 1) / count
        zigzag = [at(start, 0), at((start + end) / 2, width), at(end, 0)]
        p.line(zigzag, 0.16, shade(colour, 0.78))
    for side in (0, width):
        p.line([at(0, side), at(length, side)], 0.34, colour)


def draw_counter_jib(p, tall, back, colour):
    "The ring, and the short arm with the weights that reaches `back` metres to the other side."
    top = tall + RING
    p.rect(-1.5, tall, 1.5, top, shade(colour, 0.7))
    p.rect(-back, top, -1, top + 0.7, shade(colour, 0.9))
    p.draw(WEIGHTS, at=shift(-back, top))


def draw_raised_jib(p, rng, tall, reach, back, colour):
    "Returns where the warning lamp is, where the rope of the hook begins, and how long it is."
    top = tall + RING
    tip = toward((0, top), rng.uniform(38, 60), reach)
    draw_girder(p, (0.8, top), tip, 1.3, 1.8, colour)
    stay = (-2.2, top + 5)
    p.line([(2 - back, top + 0.6), stay, (-0.2, top + 0.5)], 0.26, shade(colour, 0.85))
    p.line([stay, tip], 0.14, "#46464a")
    return tip, tip, rng.uniform(6, 12)


def draw_level_jib(p, rng, tall, reach, back, colour):
    "Returns the same three as `draw_raised_jib`."
    top = tall + RING
    draw_girder(p, (0.8, top), (reach, top), 1.5, 2.0, colour)
    if rng.random() < 0.7:
        p.line([(-0.9, top), (0, top + 5.4), (0.9, top)], 0.36, colour)
        ends = [(1.2 - back, 0.8), (reach * 0.45, 1.5), (reach * 0.85, 1.5)]
        for x, y in ends:
            p.line([(0, top + 5.3), (x, top + y)], 0.13, "#505054")
    trolley = reach * rng.uniform(0.4, 0.9)
    drop = rng.uniform(5, tall * 0.55)
    p.rect(trolley - 0.8, top - 0.5, trolley + 0.8, top, ROPE)
    return (reach, top + 1.6), (trolley, top), drop


def floodlight(p, colour):
    "Light the crane itself a little, or a dark one is lost in the night."
    light = Image.new("RGB", p.mask.size)
    light.paste(shade(colour, 0.2), mask=p.mask)
    p.glow = ImageChops.lighter(p.glow, light)


def crane(rng, scale, flip, room=99):
    "`room` is the height in metres that the picture has above its foot."
    colour = rng.choice(COLOURS)
    tall = rng.uniform(22, 36)
    reach = rng.uniform(15, 28)
    back = rng.uniform(7, 10)
    raised = rng.random() < 0.25
    if rng.random() < 0.95:
        over_the_mast = 9 + reach * 0.5 if raised else 7
        tall = max(12, min(tall, room - over_the_mast))

    height = tall + 26 if raised else tall + 9
    p = Pen([(-back - 2, -1), (reach + 3, height)], scale, flip)
    draw_mast(p, tall, colour)
    draw_counter_jib(p, tall, back, colour)
    draw_jib = draw_raised_jib if raised else draw_level_jib
    lamp, (x, y), drop = draw_jib(p, rng, tall, reach, back, colour)
    p.line([(x, y), (x, y - drop)], 0.14, ROPE)
    p.draw(HOOK, at=shift(x, y - drop))
    p.draw(CAB, at=shift(0, tall + RING))
    p.draw(WARNING_LAMP, at=placed(lamp))
    floodlight(p, colour)
    return p.finish(outline=0.86, gradient=0.1)
