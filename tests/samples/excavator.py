"""An excavator: tracks, the house with the cab, and boom, stick and bucket in any posture."""

import math

import numpy as np
from canvas import Pen
from shapes import between, placed, shade, shift, toward

STEEL = "#787a7c"
BLACK = "#2c2c30"
COLOURS = ["#fab80a", "#fab80a", "#ff8010", "#f0e23c", "#3c78be", "#d03428"]
TRACK = """
block #2c2c30 -1.7,0.05 1.7,0.05 2.05,0.3 2.05,0.75 \
              1.75,0.98 -1.75,0.98 -2.05,0.75 -2.05,0.3 / 0.45,0.3
poly  #4a4846      -1.6,0.2 1.6,0.2 1.8,0.5 1.6,0.84 -1.6,0.84 -1.8,0.5
disc  #787a7c      -1.5,0.36 / 0.2 x6 0.6,0
disc  #2c2c30      -1.5,0.36 / 0.09 x6 0.6,0
disc  #787a7c*0.85 -1.6,0.52 / 0.34 x2 3.2,0
disc  #2c2c30      -1.6,0.52 / 0.13 x2 3.2,0
"""
TRACK_LINK = """
rect #585654 -0.05,0 0.05,0.12
rect #605e5c -0.05,0.93 0.05,1.02
"""
TURNTABLE = "rect #36363a -0.8,0.98 0.9,1.2"
BUCKET = """
block #5c5e62 -0.1,0.2 0.15,-0.55 0.65,-0.75 1.05,-0.45 1.15,0.3 0.9,0.42 / 0.28,0.2
line  #bebeba 1.05,-0.3 1.32,-0.24 / 0.12
line  #bebeba 1.05,0 1.32,0.06 / 0.12
line  #bebeba 1.05,0.25 1.32,0.31 / 0.12
"""
HOUSE = """
block body      -2.35,1.2 1.15,1.2 1.15,1.75 -0.1,2.15 -2.2,2.15 -2.5,1.95 / 0.4,0.28
poly  #46464a   -2.45,1.2 -1.55,1.2 -1.55,2.1 -2.2,2.12 -2.5,1.92
rect  body*0.55 -1.25,1.45 -1.15,1.95 x4 0.18,0
rect  #403e3c   -1,2.2 -0.82,2.75
block body      -0.1,1.2 1.1,1.2 1.22,1.9 1.05,3.05 -0.1,3.05 / 0.3,0.2
poly  #7eaabe~#282414 0.02,1.95 1.08,1.95 0.94,2.9 0.02,2.9
poly  #b2ccd8   0.1,2 0.4,2 0.9,2.85 0.62,2.85
rect  body*0.6  0.5,1.3 0.56,2.95
"""
BOOM_LAMP = "disc #fffadc~#fff0be 0.3,-0.5 / 0.14"
BEACON = "disc #ffa01e~#ff9614 0.9,3.12 / 0.12"


def find_posture(rng):
    "Four joints from the foot of the boom to the bucket, over the ground; the bucket's angle."
    for _ in range(99):
        boom = rng.uniform(48, 72)
        stick = rng.uniform(-118, -50)
        bucket = rng.uniform(-150, -70)
        joints = [(0.75, 1.75)]
        for angle in (boom, boom - 48, stick):
            joints.append(toward(joints[-1], angle, 2.5))
        if 1.0 < joints[-1][1] < 3.0:
            break
    return joints, bucket


def draw_tracks(p):
    "Both look like one from the side."
    p.draw(TRACK)
    for x in np.linspace(-1.7, 1.7, 13):
        p.draw(TRACK_LINK, at=shift(x, 0))
    p.draw(TURNTABLE)


def draw_beam(p, a, b, half_a, half_b, colour):
    "A tapered bar with round ends."
    p.bar(a, b, half_a, half_b, colour)
    p.disc(*a, half_a, colour)
    p.disc(*b, half_b, colour)


def draw_stick(p, joints, angle, colour):
    "The stick with the bucket at its end, and the cylinders that move them."
    _, bend, elbow, wrist = joints
    turn = math.radians(angle)
    at = placed(wrist, math.cos(turn), math.sin(turn))
    p.draw(BUCKET, at=at)
    draw_beam(p, elbow, wrist, 0.27, 0.19, shade(colour, 0.94))
    on_boom = placed(between(bend, elbow, 0.55))
    behind_elbow = between(elbow, wrist, -0.08)[0]
    cylinder = [on_boom(0, 0.38), (behind_elbow, elbow[1] + 0.46)]
    p.line(cylinder, 0.16, STEEL)
    on_stick = placed(between(elbow, wrist, 0.25))
    p.line([on_stick(0.28, 0), at(0.1, 0.36)], 0.13, STEEL)


def draw_boom(p, joints, colour):
    "Its two parts, the pins of all joints, and the lamp on it."
    foot, bend, elbow, wrist = joints
    on_boom = placed(between(foot, bend, 0.72))
    p.line([(foot[0] + 0.5, 1.3), on_boom(0.12, 0)], 0.2, STEEL)
    draw_beam(p, foot, bend, 0.3, 0.42, colour)
    draw_beam(p, bend, elbow, 0.42, 0.24, colour)
    p.disc(*bend, 0.12, BLACK)
    p.disc(*elbow, 0.13, BLACK)
    p.disc(*foot, 0.13, BLACK)
    p.disc(*wrist, 0.1, BLACK)
    p.draw(BOOM_LAMP, at=placed(bend))


def excavator(rng, scale, flip):
    body = rng.choice(COLOURS)
    joints, bucket = find_posture(rng)
    p = Pen("-3,-0.2 9,7", scale, flip)
    draw_tracks(p)
    draw_stick(p, joints, bucket, body)
    p.draw(HOUSE, {"body": body})
    draw_boom(p, joints, body)
    p.draw(BEACON)
    return p.finish()
