"""A tipper truck, loaded or empty, its bed down or up."""

import math

from canvas import Pen
from shapes import mix, placed, points, shade, shift

CABS = ["#d62c24", "#f0f0ec", "#245cb0", "#28824c", "#faaa14", "#5a3c8c"]
SOILS = ["#7a5838", "#a08c6e", "#604e40"]
HINGE = (-3.2, 1.15)  # the bed tips about this point
HEAP = "-3.3,2.1 -2.6,2.7 -1.4,3.05 -0.3,3.1 0.6,2.75 1,2.3"
SLIDING = "-3.7,1.2 -3.6,2 -2.6,2.6 -0.8,2.4 0.6,2.1"
CHASSIS = "block #3a3a3e -3.4,0.8 3.3,0.8 3.3,1.1 -3.4,1.1 / 0.4,0.25"
BED = """
block bed      -3.6,1.25 1.05,1.25 1.3,2.5 -3.75,2.3 / 0.45,0.28
poly  bed*0.72 -3.2,1.25 -3.06,1.25 -3.03,2.38 -3.17,2.36 x7 0.675,0
poly  bed*1.2  -3.75,2.22 1.28,2.4 1.3,2.55 -3.78,2.36
poly  bed*0.9  1.2,2.42 2.3,3.2 2.3,3.32 1.1,2.6
"""  # sides, ribs, rim, and the canopy over the cab
CAB = """
block cab      1.55,0.75 3.55,0.75 3.6,1.7 3.25,2.95 1.55,2.95 / 0.4,0.26
poly  #78a4bc~#242012 2.2,1.85 3.36,1.85 3.1,2.75 2.2,2.75
poly  #b5cdda  2.3,1.9 2.6,1.9 3,2.7 2.7,2.7
rect  cab*0.7  1.95,0.95 2.02,2.8
rect  stripe   1.6,1.5 3.58,1.62
rect  #28282c  2.85,1.3 3.1,1.38
rect  #505054  3.3,0.62 3.72,0.95
disc  #fffad2~#fff4c8 3.56,1.15 / 0.15
rect  #dc1e1e~#c81414 -3.6,0.95 -3.42,1.15
"""
WHEEL = """
disc fender*0.5 0,0.58 / 0.72
disc #1e1e20    0,0.52 / 0.56
disc #b0b2b4    0,0.52 / 0.32
disc #6e7074    0,0.52 / 0.2
disc #28282c    0,0.52 / 0.08
"""


def tipping(degrees):
    "A function that turns a point of the truck about the hinge of its bed."
    angle = math.radians(degrees)
    turn = placed(HINGE, math.cos(angle), math.sin(angle))

    def at(x, y):
        return turn(x - HINGE[0], y - HINGE[1])

    return at


def draw_load(p, at, top, soil):
    "A heap or what slides out, with a darker inside."
    front = (1.0, 1.3)
    outline = [*points(top), front, (-3.2, 1.3)]
    p.poly([at(x, y) for x, y in outline], soil)
    inside = [*points(top, shift(0.3, -0.18)), front, (-3.0, 1.3)]
    p.poly([at(x, y) for x, y in inside], shade(soil, 0.85))


def draw_wheels(p, cab, bed):
    "Two behind and one in front, under fenders of either colour."
    for x, fender in ((-2.75, bed), (-1.55, bed), (2.45, cab)):
        p.draw(WHEEL, {"fender": fender}, shift(x, 0))


def truck(rng, scale, flip, tipped=None):
    "`tipped` says whether the bed is up; by default one in five is."
    cab = rng.choice(CABS)
    bed = rng.choice(["#8c9094", shade(cab, 0.86), "#c47828", "#626870"])
    soil = rng.choice(SOILS)
    if tipped is None:
        tipped = rng.random() < 0.2
    at = tipping(rng.uniform(22, 40) if tipped else 0)
    paints = {"cab": cab, "bed": bed, "stripe": mix(cab, "#ffffff", 0.6)}

    p = Pen("-5.5,-0.2 5.2,6.5", scale, flip)
    p.draw(CHASSIS)
    if tipped:
        p.line([(0.2, 1.0), at(0.6, 1.3)], 0.22, "#aaacae")
        draw_load(p, at, SLIDING, soil)
    elif rng.random() < 0.7:
        draw_load(p, at, HEAP, soil)
    p.draw(BED, paints, at)
    p.draw(CAB, paints)
    draw_wheels(p, cab, bed)
    return p.finish()
