"""A building in the raw, and a wall with a scaffold in front of it."""

from canvas import Pen
from clutter import Drawing
from shapes import DARK, corners, shade, shift

# ---- the building: columns 4.2 metres apart, floors of 3.1 metres

BAY = 4.2
FLOOR = 3.1
STONES = ["#b0aea8", "#beb4a4", "#a0a2a6"]
BRICKS = ["#b26046", "#c8ac8c", "#969696"]
INSIDE = "poly stone*0.66 0,0 4.2,0 5.2,0.9 1,0.9"
BRICKED_UP = """
rect brick         0,0 4.2,3.1
rect #465462~light 1.2,0.9 3,2.4
"""
SHEET = "rect #388460c8 0,0.2 4.2,3.1"


def draw_bay(p, rng, at, floor, paints):
    "One field between two columns: bricked up with a window, hung with a sheet, or open."
    p.draw(INSIDE, paints, at)
    if rng.random() < 0.62 - floor * 0.13:
        light = "#be8c3c" if rng.random() < 0.3 else DARK
        p.draw(BRICKED_UP, {**paints, "light": light}, at)
    elif rng.random() < 0.2:
        p.draw(SHEET, at=at)


def draw_column(p, rng, x, height, stone):
    "A column, and the reinforcement that sticks out of it."
    p.rect(x - 0.22, 0, x + 0.22, height, shade(stone, 1.06))
    for offset in (-0.3, 0, 0.3):
        end = height + rng.uniform(0.9, 1.9)
        p.line([(x + offset, height), (x + offset, end)], 0.09, "#784632")


def frame(rng, scale, flip, bays=None, floors=None):
    "Slabs and columns, some walls bricked up."
    bays = bays or rng.randint(3, 6)
    floors = floors or rng.randint(3, 6)
    stone = rng.choice(STONES)
    paints = {"stone": stone, "brick": rng.choice(BRICKS)}
    width = bays * BAY
    height = floors * FLOOR
    p = Pen([(-0.5, -0.5), (width + 2.4, height + 3.4)], scale, flip)
    p.rect(0, 0, width + 1.4, height, shade(stone, 0.42))
    for floor in range(floors):
        for bay in range(bays):
            draw_bay(p, rng, shift(bay * BAY, floor * FLOOR), floor, paints)
    for floor in range(floors + 1):
        y = floor * FLOOR
        depth = (1.0, 0.5 if floor == floors else 0.1)
        p.block(corners(-0.3, y - 0.2, width + 0.3, y + 0.18), depth, stone)
    for bay in range(bays + 1):
        draw_column(p, rng, bay * BAY, height, stone)
    return p.finish(outline=0.8)


# ---- the scaffold: four bays of 2.4 metres, three decks 2.5 metres apart

DECK = 2.5
SCAFFOLD_BAY = 2.4
SCAFFOLD_BAYS = 4
EXTENT = "-0.6,-0.2 10.6,9.3"
WALLS = ["#ceb08c", "#be6e54", "#c4c4be", "#d6c8a0"]
WALL = """
rect wall     0.1,0 9.5,8.5
rect wall*0.9 0.1,0 9.5,0.05 x28 0,0.3
"""
WINDOW = """
rect #425060~light 0.7,0.75 1.7,1.95
rect wall*1.15     0.6,0.66 1.8,0.76
"""
POLES_AND_DECKS = """
line  #80868c*0.85 0,0 2.4,7.5 / 0.06 x2 4.8,0
block #b88c54      -0.3,2.38 9.9,2.38 9.9,2.5 -0.3,2.5 / 0.1,0.12 x3 0,2.5
line  #80868c      0,0 0,8.8 / 0.1 x5 2.4,0
"""
RAILS = """
line #aaaeb2 0,3 9.6,3 / 0.06 x3 0,2.5
line #aaaeb2 0,3.5 9.6,3.5 / 0.06 x3 0,2.5
rect #cca064 -0.3,2.36 9.9,2.62 x3 0,2.5
line #aaaeb2 -0.05,0 -0.05,8.8 / 0.09 x5 2.4,0
"""  # the front of the scaffold, painted over the people on it
DRAWINGS = {"rails": Drawing(EXTENT, RAILS, outline=0.8)}


def scaffold(rng, scale, flip):
    "A wall with windows, and the scaffold before it, but for its rails."
    wall = rng.choice(WALLS)
    p = Pen(EXTENT, scale, flip)
    p.draw(WALL, {"wall": wall})
    for level in range(3):
        for bay in range(SCAFFOLD_BAYS):
            light = "#c89646" if rng.random() < 0.2 else DARK
            p.draw(WINDOW, {"wall": wall, "light": light}, shift(bay * SCAFFOLD_BAY, level * DECK))
    p.draw(POLES_AND_DECKS)
    return p.finish(outline=0.8)
