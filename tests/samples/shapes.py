"""Colours, points, and tables of shapes.

A colour is "#rrggbb", with two more digits where one can look through it, or a tuple of 0..255.
A point is (x, y) in metres: x to the right, y up, (0, 0) where the object stands on the ground.
"""

import math
from dataclasses import dataclass

from PIL import ImageColor

DARK = "#000000"


def rgb(colour):
    "The colour as a tuple."
    return ImageColor.getrgb(colour) if isinstance(colour, str) else colour


def mix(a, b, share):
    "The colour that lies this share of the way from `a` to `b`."
    pairs = zip(rgb(a), rgb(b), strict=True)
    return tuple(round(x + (y - x) * share) for x, y in pairs)


def shade(colour, factor):
    "The colour made darker (factor below 1) or lighter."
    return tuple(min(255, round(x * factor)) for x in rgb(colour)[:3])


def toward(start, degrees, length):
    "The point at this distance from `start`; 0 degrees is to the right, 90 is up."
    angle = math.radians(degrees)
    x = start[0] + length * math.cos(angle)
    y = start[1] + length * math.sin(angle)
    return x, y


def between(a, b, share):
    "The point that lies this share of the way from `a` to `b`."
    x = a[0] + (b[0] - a[0]) * share
    y = a[1] + (b[1] - a[1]) * share
    return x, y


def placed(origin, cosine=1, sine=0):
    "A function from the coordinates of a part, which is turned about `origin`, to the object's."

    def place(u, v):
        x = origin[0] + u * cosine - v * sine
        y = origin[1] + u * sine + v * cosine
        return x, y

    return place


def shift(x, y):
    "The same for a part that is moved but not turned."
    return placed((x, y))


def points(text, at=None):
    "Points written as in SVG, 'x,y x,y', taken to the object's coordinates by `at`."
    found = []
    for pair in text.split():
        u, v = map(float, pair.split(","))
        found.append(at(u, v) if at else (u, v))
    return found


def corners(x0, y0, x1, y1):
    "The four corners of an upright rectangle."
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


@dataclass
class Shape:
    "One copy of one row of a table."

    kind: str
    path: list[tuple[float, float]]
    size: str
    fill: str | tuple[int, ...]
    glow: str | tuple[int, ...]


def read_shapes(table, paints=None, at=None):
    """A table has one shape a row: its kind, its paint, its points and perhaps more.

        poly   glass       2.2,1.85 3.36,1.85 3.1,2.75         corners
        rect   body*0.6    0.5,1.3 0.56,2.95                   two opposite corners
        disc   lamp~flame  3.56,1.15 / 0.15                    centre / radius
        line   #787a7c     0,0 0,6 / 0.13                      path / width
        rod    boot        0,0 0.2,0 / 0.19                    the same with round ends
        block  body        -2,1 1,1 1,2 / 0.4,0.28             corners / how deep it is
        rect   rung        0,0.2 1,0.3 x4 0,0.5                drawn 4 times, each 0.5 higher

    A paint is a colour or a name from `paints`; `*0.6` makes it darker, and what stands behind the
    `~` is the light it gives off. `at` takes the points to the object's coordinates.
    """
    shapes = []
    for row in table.strip().splitlines():
        shape, _, repeat = row.partition(" x")
        kind, paint, geometry = shape.split(maxsplit=2)
        where, _, size = geometry.partition("/")
        fill, _, glow = paint.partition("~")
        fill = named_paint(fill, paints)
        glow = named_paint(glow or DARK, paints)
        for step in steps(repeat):
            path = points(where, step)
            if at:
                path = [at(x, y) for x, y in path]
            shapes.append(Shape(kind, path, size, fill, glow))
    return shapes


def named_paint(paint, paints):
    "The colour of a paint in a table: 'body', 'body*0.6' or '#787a7c'."
    name, _, factor = paint.partition("*")
    colour = (paints or {}).get(name, name)
    return shade(colour, float(factor)) if factor else colour


def steps(repeat):
    "Where the copies of a shape go: '4 0,0.5' is four, each 0.5 higher; '' is the shape alone."
    count, _, step = repeat.partition(" ")
    if not count:
        return [None]
    dx, dy = points(step)[0]
    return [shift(i * dx, i * dy) for i in range(int(count))]
