"""Draw the sample data: small construction sites with Workers, Tower cranes, Excavators and Trucks, labelled as YOLO, COCO and VOC.

    python tools/make_samples.py [folder]          # default: data_samples/construction

Every scene is painted back to front at three times its size. Each object carries a mask, so after painting we know which pixels of it
can still be seen: a box is exactly that visible extent, in whole pixels (0-based, half-open) of the final image. The same seed gives the
same scenes. Needs only Pillow and numpy.
"""

import json
import math
import random
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

CLASSES = ["Worker", "Tower crane", "Excavator", "Truck"]
SPLITS = {"train": 40, "val": 10, "test": 10}
EMPTY = {
    "train": (2, 10, 18, 26, 34),
    "val": (1, 6),
    "test": (8,),
}  # the pictures with nothing to find
PREVIEW = (0, 4, 29, 19, 6, 24, 11, 30, 31, 9, 5, 8)  # train pictures on the sheet for the README
SEED = 14
SS = 3  # supersampling: everything is painted SS times larger, then averaged
MIN_VISIBLE = (
    0.35  # an object hidden more than this leaves the scene, so nothing visible stays unlabelled
)
MIN_SIDE = 15  # and so does one whose visible box is thinner than this many pixels
QUALITY = 84

# ---------------------------------------------------------------- colour and light

MOODS = {  # sky top, sky bottom, haze colour and strength, ambient light, shadow strength
    "day": dict(
        top=(84, 146, 214),
        low=(206, 226, 240),
        haze=(198, 216, 232),
        fog=0.022,
        light=(1.04, 1.02, 0.97),
        shadow=0.42,
    ),
    "morning": dict(
        top=(120, 170, 222),
        low=(250, 232, 200),
        haze=(236, 226, 208),
        fog=0.04,
        light=(1.06, 1.0, 0.9),
        shadow=0.38,
    ),
    "overcast": dict(
        top=(160, 170, 180),
        low=(214, 218, 220),
        haze=(200, 205, 208),
        fog=0.035,
        light=(0.92, 0.95, 0.98),
        shadow=0.16,
    ),
    "dusk": dict(
        top=(62, 56, 112),
        low=(250, 158, 88),
        haze=(222, 156, 120),
        fog=0.04,
        light=(1.0, 0.83, 0.78),
        shadow=0.34,
    ),
    "haze": dict(
        top=(208, 206, 196),
        low=(226, 222, 208),
        haze=(222, 218, 204),
        fog=0.085,
        light=(1.0, 0.99, 0.95),
        shadow=0.14,
    ),
    "night": dict(
        top=(10, 14, 36),
        low=(44, 50, 84),
        haze=(40, 46, 76),
        fog=0.03,
        light=(0.40, 0.44, 0.60),
        shadow=0.0,
    ),
}


def mix(a, b, t):
    return tuple(int(round(x + (y - x) * t)) for x, y in zip(a, b))


def shade(c, f):
    return tuple(max(0, min(255, int(round(x * f)))) for x in c[:3])


def noise(seed, height, width, cells, octaves, rough=0.5):
    "Smooth fractal noise in 0..1, float32 (height, width), whose opposite edges fit together."
    state, total = np.random.RandomState(seed), np.zeros((height, width), np.float32)
    for o in range(octaves):
        n = cells * 2**o
        grid = Image.fromarray(np.pad(state.rand(n, n).astype(np.float32), 2, mode="wrap"))
        total += (
            np.asarray(
                grid.resize((width, height), Image.Resampling.BICUBIC, box=(2, 2, n + 2, n + 2))
            )
            * rough**o
        )
    return (total - total.min()) / (total.max() - total.min())


# ---------------------------------------------------------------- the pen: metres in, pixels out


@dataclass
class Item:
    "Something painted into a scene: a colour layer, the mask of the object itself, and light it gives off."

    label: int | None  # index into CLASSES, None for everything that is not to be found
    rgba: Image.Image
    mask: Image.Image
    glow: Image.Image
    left: int  # position of the layer's top left corner, in supersampled pixels
    top: int
    base: int  # row of the ground under it: nearer things are painted later
    order: float
    shadow: bool


class Pen:
    "Draws one object in metres: x to the right, y up, (0, 0) the point on the ground. `flip` mirrors it."

    def __init__(self, extent, ppm, flip=False):
        self.k, self.sign = ppm, -1 if flip else 1
        x0, y0, x1, y1 = extent
        if flip:
            x0, x1 = -x1, -x0
        self.ox, self.oy = -x0 * ppm + 2, y1 * ppm + 2
        size = (int((x1 - x0) * ppm) + 5, int((y1 - y0) * ppm) + 5)
        self.rgba, self.mask, self.glow = (Image.new(m, size) for m in ("RGBA", "L", "RGB"))
        self.draws = [ImageDraw.Draw(i) for i in (self.rgba, self.mask, self.glow)]
        self.own = True  # False while drawing a thing the object holds: it covers, but is no part of the object

    def px(self, pts):
        return [(self.ox + self.sign * x * self.k, self.oy - y * self.k) for x, y in pts]

    def paint(self, method, xy, fill, glow=(0, 0, 0)):
        for draw, colour in zip(
            self.draws, (fill if len(fill) == 4 else (*fill, 255), 255 * self.own, glow)
        ):
            getattr(draw, method)(xy, fill=colour)

    def poly(self, pts, fill, **kw):
        self.paint("polygon", self.px(pts), fill, **kw)

    def rect(self, x0, y0, x1, y1, fill, **kw):
        self.poly([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, **kw)

    def disc(self, x, y, r, fill, squeeze=1.0, **kw):
        ((cx, cy),) = self.px([(x, y)])
        self.paint(
            "ellipse",
            (
                cx - r * self.k,
                cy - r * self.k * squeeze,
                cx + r * self.k,
                cy + r * self.k * squeeze,
            ),
            fill,
            **kw,
        )

    def line(self, pts, width, fill, round_ends=False, **kw):
        width = max(width, 2.4 / self.k)
        for (x0, y0), (x1, y1) in zip(pts, pts[1:]):
            n = math.hypot(x1 - x0, y1 - y0) or 1
            dx, dy = (y0 - y1) / n * width / 2, (x1 - x0) / n * width / 2
            self.poly(
                [(x0 + dx, y0 + dy), (x1 + dx, y1 + dy), (x1 - dx, y1 - dy), (x0 - dx, y0 - dy)],
                fill,
                **kw,
            )
        for x, y in pts if round_ends else pts[1:-1]:
            self.disc(x, y, width / 2, fill, **kw)

    def block(self, pts, fill, depth=(0.3, 0.22)):
        "A polygon with some thickness behind it: the tops lighter, the ends darker, as seen from a little above."
        area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(pts, pts[1:] + pts[:1]))
        for p, q in zip(pts, pts[1:] + pts[:1]):
            nx, ny = (q[1] - p[1], p[0] - q[0]) if area > 0 else (p[1] - q[1], q[0] - p[0])
            if nx * depth[0] + ny * depth[1] <= 0:
                continue
            light = 1.22 if ny > abs(nx) * 0.6 else 0.66
            self.poly(
                [p, q, (q[0] + depth[0], q[1] + depth[1]), (p[0] + depth[0], p[1] + depth[1])],
                shade(fill, light),
            )
        self.poly(pts, fill)

    def finish(self, outline=0.62, gradient=0.16):
        "Shade the layer from top to bottom and darken its rim, which keeps small things readable."
        a = np.asarray(self.rgba).astype(np.float32)
        rows = np.linspace(1 + gradient / 2, 1 - gradient / 2, a.shape[0], dtype=np.float32)[
            :, None, None
        ]
        inner = np.asarray(self.rgba.getchannel("A").filter(ImageFilter.MinFilter(3)))
        a[..., :3] = np.clip(a[..., :3] * rows, 0, 255)
        a[..., :3][(inner < 128) & (a[..., 3] > 128)] *= outline
        self.rgba = Image.fromarray(a.astype(np.uint8))
        return self


# ---------------------------------------------------------------- the four classes


def limb(x, y, angles, lengths):
    "Points of a limb that starts at (x, y); angles in degrees from straight down, forward is positive."
    pts = [(x, y)]
    for a, n in zip(angles, lengths):
        x, y = x + n * math.sin(math.radians(a)), y - n * math.cos(math.radians(a))
        pts.append((x, y))
    return pts


POSES = {  # two legs (thigh, shin), two arms (upper, lower), lean of the trunk
    "stand": ((9, 4), (-9, -4), (22, 8), (-22, -8), 0),
    "walk": ((30, 12), (-20, -42), (-34, -12), (36, 70), 5),
    "signal": ((12, 6), (-12, -6), (158, 172), (-30, -10), 0),
    "stop": ((13, 6), (-13, -6), (118, 160), (-118, -160), 0),
    "point": ((10, 4), (-12, -6), (92, 88), (-26, 20), 0),
    "dig": ((34, -6), (-22, -34), (44, 30), (24, 62), 34),
    "kneel": ((84, -4), (2, -88), (52, 70), (20, 60), 12),
    "carry": ((24, 8), (-18, -34), (40, 128), (20, 96), 3),
    "read": ((8, 4), (-10, -4), (26, 96), (6, 92), 0),
}


def worker(rng, k, flip, pose=None):
    pose = pose or rng.choice(list(POSES))
    leg1, leg2, arm1, arm2, lean = POSES[pose]
    vest = rng.choice(
        [(255, 112, 20), (255, 112, 20), (212, 240, 28), (212, 240, 28), (255, 70, 40)]
    )
    helmet = rng.choice(
        [
            (250, 250, 246),
            (255, 206, 20),
            (255, 206, 20),
            (30, 100, 210),
            (220, 40, 36),
            (40, 160, 80),
        ]
    )
    trousers = rng.choice(
        [(38, 46, 78), (70, 72, 78), (118, 100, 72), (34, 60, 92), shade(vest, 0.8)]
    )
    skin = rng.choice([(240, 200, 170), (214, 164, 124), (160, 108, 74), (104, 68, 46)])
    sleeve = rng.choice([vest, (44, 60, 100), (90, 94, 100), (236, 232, 222)])
    silver, boot = (238, 242, 240), (58, 40, 28)
    feet = [limb(0, 0, a, (0.42, 0.42))[-1][1] for a in (leg1, leg2)]
    hip = 0.1 - min(feet) if pose != "kneel" else 0.5
    p = Pen((-1.5, -0.1, 1.5, 2.5), k, flip)
    turn = math.radians(lean)

    def at(u, v):
        return (
            u * math.cos(turn) + v * math.sin(turn),
            hip + v * math.cos(turn) - u * math.sin(turn),
        )

    def leg(a, side, dark):
        pts = limb(side * 0.09, hip, a, (0.42, 0.42))
        p.line(pts, 0.24, shade(trousers, dark), round_ends=True)
        x, y = pts[-1]
        down = pose == "kneel" and a[1] < -60
        p.line(
            [(x - 0.03, y), (x + (0.02 if down else 0.17), y - (0.12 if down else 0))],
            0.19,
            boot,
            round_ends=True,
        )

    def arm(a, u, dark):
        pts = limb(*at(u, 0.56), a, (0.3, 0.29))
        p.line(pts, 0.17, shade(sleeve, dark), round_ends=True)
        (x0, y0), (x1, y1) = pts[1:]
        p.line(
            [
                (x0 + (x1 - x0) * 0.5, y0 + (y1 - y0) * 0.5),
                (x0 + (x1 - x0) * 0.72, y0 + (y1 - y0) * 0.72),
            ],
            0.17,
            silver,
            glow=(150, 150, 140),
        )
        p.disc(*pts[2], 0.085, skin)
        return pts[2]

    leg(leg2, -1, 0.72)
    leg(leg1, 1, 1.0)
    wide = 0.27 if pose in ("stand", "signal", "stop", "point") else 0.23
    hand2 = arm(arm2, -wide + 0.02, 0.8)
    p.poly(
        [
            at(-0.2, -0.06),
            at(0.2, -0.06),
            at(wide, 0.6),
            at(wide - 0.08, 0.68),
            at(-wide + 0.08, 0.68),
            at(-wide, 0.6),
        ],
        vest,
        glow=shade(vest, 0.12),
    )
    for v in (0.1, 0.26):
        p.poly(
            [at(-0.235, v), at(0.235, v), at(0.24, v + 0.07), at(-0.24, v + 0.07)],
            silver,
            glow=(150, 150, 140),
        )
    for u in (-0.15, 0.09):
        p.poly(
            [at(u, 0.3), at(u + 0.06, 0.3), at(u + 0.06, 0.68), at(u, 0.68)],
            silver,
            glow=(150, 150, 140),
        )
    x, y = at(0.03, 0.86)
    p.line([at(0, 0.64), (x, y)], 0.14, shade(skin, 0.8))
    p.disc(x, y, 0.15, skin)
    p.disc(x - 0.07, y - 0.02, 0.1, shade(skin, 0.55))
    p.disc(x + 0.03, y - 0.01, 0.11, skin)
    p.poly(
        [
            (x + 0.19 * math.cos(t / 12 * math.pi), y + 0.04 + 0.2 * math.sin(t / 12 * math.pi))
            for t in range(13)
        ],
        helmet,
        glow=shade(helmet, 0.1),
    )
    p.line([(x - 0.2, y + 0.05), (x + 0.27, y + 0.04)], 0.06, shade(helmet, 0.82), round_ends=True)
    p.line([(x - 0.05, y + 0.23), (x + 0.08, y + 0.22)], 0.05, shade(helmet, 1.12))
    hand1 = arm(arm1, wide - 0.02, 1.0)
    p.own = False
    if pose == "dig":
        p.line([(hand2[0] - 0.2, hand2[1] + 0.45), (hand1[0] + 0.28, 0.16)], 0.05, (150, 110, 64))
        p.poly(
            [
                (hand1[0] + 0.2, 0.3),
                (hand1[0] + 0.4, 0.22),
                (hand1[0] + 0.52, 0),
                (hand1[0] + 0.24, 0.04),
            ],
            (120, 126, 132),
        )
    if pose == "carry":
        p.poly(
            [(-1.3, hip + 0.44), (1.35, hip + 0.5), (1.35, hip + 0.63), (-1.3, hip + 0.57)],
            (196, 152, 92),
        )
    if pose == "read":
        p.poly(
            [
                (hand1[0] - 0.14, hand1[1]),
                (hand1[0] + 0.16, hand1[1] + 0.04),
                (hand1[0] + 0.1, hand1[1] + 0.24),
                (hand1[0] - 0.2, hand1[1] + 0.2),
            ],
            (245, 245, 240),
        )
    return p.finish()


def lattice(p, a, b, width, step, colour):
    "A girder from a to b, drawn on its left side with the given width: two chords and zigzag bracing."
    n = math.hypot(b[0] - a[0], b[1] - a[1])
    ux, uy = (b[0] - a[0]) / n, (b[1] - a[1]) / n
    at = lambda s, t: (a[0] + ux * s - uy * t, a[1] + uy * s + ux * t)
    count = max(2, round(n / step))
    for i in range(count):
        s, e = n * i / count, n * (i + 1) / count
        p.line([at(s, 0), at((s + e) / 2, width), at(e, 0)], 0.16, shade(colour, 0.78))
    for t in (0, width):
        p.line([at(0, t), at(n, t)], 0.34, colour)


def crane(rng, k, flip, room=99):
    "`room` is the height in metres that the picture has above its foot."
    colour = rng.choice(
        [(246, 190, 20), (246, 190, 20), (214, 50, 36), (236, 236, 228), (40, 104, 176)]
    )
    tall, reach, back = rng.uniform(22, 36), rng.uniform(15, 28), rng.uniform(7, 10)
    raised = rng.random() < 0.25
    if rng.random() < 0.95:
        tall = max(12, min(tall, room - (9 + reach * 0.5 if raised else 7)))
    p = Pen((-back - 2, -1, reach + 3, tall + 26 if raised else tall + 9), k, flip)
    w, grey = 1.9, (150, 152, 150)
    for y in np.arange(0, tall, 2.0):
        p.line([(-w / 2, y), (w / 2, y + 2)], 0.18, shade(colour, 0.8))
        p.line([(w / 2, y), (-w / 2, y + 2)], 0.18, shade(colour, 0.68))
        p.line([(-w / 2, y), (w / 2, y)], 0.16, shade(colour, 0.8))
    for x, f in ((-w / 2, 1.0), (w / 2, 0.82)):
        p.line([(x, 0), (x, tall)], 0.42, shade(colour, f))
    p.rect(-2, 0, 2, 1.1, grey)
    p.rect(-1.5, tall, 1.5, tall + 0.9, shade(colour, 0.7))
    top = tall + 0.9
    p.rect(-back, top, -1, top + 0.7, shade(colour, 0.9))  # counter-jib and its weights
    for i in range(3):
        p.rect(
            -back + 0.2 + i * 1.25,
            top - 1.8,
            -back + 1.25 + i * 1.25,
            top + 1.0,
            grey if i % 2 else shade(grey, 0.84),
        )
    if raised:
        angle = rng.uniform(38, 60)
        end = (reach * math.cos(math.radians(angle)), top + reach * math.sin(math.radians(angle)))
        lattice(p, (0.8, top), end, 1.3, 1.8, colour)
        p.line(
            [(-back + 2, top + 0.6), (-2.2, top + 5), (-0.2, top + 0.5)], 0.26, shade(colour, 0.85)
        )
        p.line([(-2.2, top + 5), end], 0.14, (70, 70, 74))
        hook, drop = end, rng.uniform(6, 12)
    else:
        lattice(p, (0.8, top), (reach, top), 1.5, 2.0, colour)
        if rng.random() < 0.7:
            p.line([(-0.9, top), (0, top + 5.4), (0.9, top)], 0.36, colour)
            for x in (-back + 1.2, reach * 0.45, reach * 0.85):
                p.line([(0, top + 5.3), (x, top + (1.5 if x > 0 else 0.8))], 0.13, (80, 80, 84))
        hook, drop = (reach * rng.uniform(0.4, 0.9), top), rng.uniform(5, tall * 0.55)
        p.rect(hook[0] - 0.8, top - 0.5, hook[0] + 0.8, top, (60, 60, 64))
    p.line([hook, (hook[0], hook[1] - drop)], 0.14, (60, 60, 64))
    p.rect(hook[0] - 0.45, hook[1] - drop - 1.2, hook[0] + 0.45, hook[1] - drop, (220, 60, 40))
    p.rect(1.0, top - 0.5, 2.9, top + 1.9, (240, 240, 236))  # the driver's cab
    p.rect(1.7, top + 0.2, 2.9, top + 1.5, (90, 130, 156), glow=(120, 100, 50))
    p.disc(
        end[0] if raised else reach,
        (end[1] if raised else top + 1.6),
        0.45,
        (230, 40, 30),
        glow=(255, 50, 30),
    )
    floodlit = Image.composite(
        Image.new("RGB", p.mask.size, shade(colour, 0.2)), Image.new("RGB", p.mask.size), p.mask
    )
    p.glow = ImageChops.lighter(p.glow, floodlit)  # or a dark crane is lost in the night
    return p.finish(outline=0.86, gradient=0.1)


def excavator(rng, k, flip):
    body = rng.choice(
        [
            (250, 184, 10),
            (250, 184, 10),
            (255, 128, 16),
            (240, 226, 60),
            (60, 120, 190),
            (208, 52, 40),
        ]
    )
    steel, dark, glass = (120, 122, 124), (44, 44, 48), (126, 170, 190)
    for _ in range(99):  # find a posture with the bucket over the ground
        a, b, c = rng.uniform(48, 72), rng.uniform(-118, -50), rng.uniform(-150, -70)
        pts = [(0.75, 1.75)]
        for angle, n in ((a, 2.5), (a - 48, 2.5), (b, 2.5)):
            pts.append(
                (
                    pts[-1][0] + n * math.cos(math.radians(angle)),
                    pts[-1][1] + n * math.sin(math.radians(angle)),
                )
            )
        if 1.0 < pts[-1][1] < 3.0:
            break
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = pts
    p = Pen((-3, -0.2, 9, 7), k, flip)
    p.block(
        [
            (-1.7, 0.05),
            (1.7, 0.05),
            (2.05, 0.3),
            (2.05, 0.75),
            (1.75, 0.98),
            (-1.75, 0.98),
            (-2.05, 0.75),
            (-2.05, 0.3),
        ],
        dark,
        (0.45, 0.3),
    )
    p.poly(
        [(-1.6, 0.2), (1.6, 0.2), (1.8, 0.5), (1.6, 0.84), (-1.6, 0.84), (-1.8, 0.5)], (74, 72, 70)
    )
    for x in np.linspace(-1.5, 1.5, 6):
        p.disc(x, 0.36, 0.2, steel)
        p.disc(x, 0.36, 0.09, dark)
    for x in (-1.6, 1.6):
        p.disc(x, 0.52, 0.34, shade(steel, 0.85))
        p.disc(x, 0.52, 0.13, dark)
    for x in np.linspace(-1.7, 1.7, 13):
        p.rect(x - 0.05, 0, x + 0.05, 0.12, (88, 86, 84))
        p.rect(x - 0.05, 0.93, x + 0.05, 1.02, (96, 94, 92))
    p.rect(-0.8, 0.98, 0.9, 1.2, (54, 54, 58))

    def arm(q, r, w0, w1, colour):
        n = math.hypot(r[0] - q[0], r[1] - q[1])
        dx, dy = (q[1] - r[1]) / n, (r[0] - q[0]) / n
        p.poly(
            [
                (q[0] + dx * w0, q[1] + dy * w0),
                (r[0] + dx * w1, r[1] + dy * w1),
                (r[0] - dx * w1, r[1] - dy * w1),
                (q[0] - dx * w0, q[1] - dy * w0),
            ],
            colour,
        )
        p.disc(*q, w0, colour)
        p.disc(*r, w1, colour)

    tip = math.radians(c)
    along, across = (math.cos(tip), math.sin(tip)), (-math.sin(tip), math.cos(tip))
    at = lambda u, v: (x3 + along[0] * u + across[0] * v, y3 + along[1] * u + across[1] * v)
    bucket = [
        at(-0.1, 0.2),
        at(0.15, -0.55),
        at(0.65, -0.75),
        at(1.05, -0.45),
        at(1.15, 0.3),
        at(0.9, 0.42),
    ]
    p.block(bucket, (92, 94, 98), (0.28, 0.2))
    for v in (-0.3, 0.0, 0.25):
        p.line([at(1.05, v), at(1.32, v + 0.06)], 0.12, (190, 190, 186))
    arm((x2, y2), (x3, y3), 0.27, 0.19, shade(body, 0.94))
    p.line(
        [
            (x1 * 0.45 + x2 * 0.55, y1 * 0.45 + y2 * 0.55 + 0.38),
            (x2 + (x3 - x2) * -0.08, y2 + 0.46),
        ],
        0.16,
        steel,
    )
    p.line([(x2 + (x3 - x2) * 0.25 + 0.28, y2 + (y3 - y2) * 0.25), at(0.1, 0.36)], 0.13, steel)
    p.block(
        [(-2.35, 1.2), (1.15, 1.2), (1.15, 1.75), (-0.1, 2.15), (-2.2, 2.15), (-2.5, 1.95)],
        body,
        (0.4, 0.28),
    )
    p.poly(
        [(-2.45, 1.2), (-1.55, 1.2), (-1.55, 2.1), (-2.2, 2.12), (-2.5, 1.92)], (70, 70, 74)
    )  # counterweight
    for i in range(4):
        p.rect(-1.25 + i * 0.18, 1.45, -1.15 + i * 0.18, 1.95, shade(body, 0.55))
    p.rect(-1.0, 2.2, -0.82, 2.75, (64, 62, 60))  # exhaust
    p.block([(-0.1, 1.2), (1.1, 1.2), (1.22, 1.9), (1.05, 3.05), (-0.1, 3.05)], body, (0.3, 0.2))
    p.poly([(0.02, 1.95), (1.08, 1.95), (0.94, 2.9), (0.02, 2.9)], glass, glow=(40, 36, 20))
    p.poly([(0.1, 2.0), (0.4, 2.0), (0.9, 2.85), (0.62, 2.85)], mix(glass, (255, 255, 255), 0.4))
    p.rect(0.5, 1.3, 0.56, 2.95, shade(body, 0.6))
    p.line([(x0 + 0.5, 1.3), (x0 + (x1 - x0) * 0.72 + 0.12, y0 + (y1 - y0) * 0.72)], 0.2, steel)
    arm((x0, y0), (x1, y1), 0.3, 0.42, body)
    arm((x1, y1), (x2, y2), 0.42, 0.24, body)
    p.disc(x1, y1, 0.12, dark)
    p.disc(x2, y2, 0.13, dark)
    p.disc(x0, y0, 0.13, dark)
    p.disc(x3, y3, 0.1, dark)
    p.disc(x1 + 0.3, y1 - 0.5, 0.14, (255, 250, 220), glow=(255, 240, 190))
    p.disc(0.9, 3.12, 0.12, (255, 160, 30), glow=(255, 150, 20))
    return p.finish()


def truck(rng, k, flip, tipped=None):
    cab = rng.choice(
        [
            (214, 44, 36),
            (240, 240, 236),
            (36, 92, 176),
            (40, 130, 76),
            (250, 170, 20),
            (90, 60, 140),
        ]
    )
    bed = rng.choice([(140, 144, 148), shade(cab, 0.86), (196, 120, 40), (98, 104, 112)])
    soil, dark, glass = (
        rng.choice([(122, 88, 56), (160, 140, 110), (96, 78, 64)]),
        (40, 40, 44),
        (120, 164, 188),
    )
    tilt = math.radians(
        rng.uniform(22, 40) if (rng.random() < 0.2 if tipped is None else tipped) else 0
    )
    p = Pen((-5.5, -0.2, 5.2, 6.5), k, flip)
    hinge = (-3.2, 1.15)

    def turn(pts):
        return [
            (
                hinge[0] + (x - hinge[0]) * math.cos(tilt) - (y - hinge[1]) * math.sin(tilt),
                hinge[1] + (x - hinge[0]) * math.sin(tilt) + (y - hinge[1]) * math.cos(tilt),
            )
            for x, y in pts
        ]

    p.block([(-3.4, 0.8), (3.3, 0.8), (3.3, 1.1), (-3.4, 1.1)], (58, 58, 62), (0.4, 0.25))
    if tilt:
        p.line([(0.2, 1.0), *turn([(0.6, 1.3)])], 0.22, (170, 172, 174))
    if tilt or rng.random() < 0.7:  # the load: a heap, or what slides out
        top = (
            [(-3.3, 2.1), (-2.6, 2.7), (-1.4, 3.05), (-0.3, 3.1), (0.6, 2.75), (1.0, 2.3)]
            if not tilt
            else [(-3.7, 1.2), (-3.6, 2.0), (-2.6, 2.6), (-0.8, 2.4), (0.6, 2.1)]
        )
        p.poly(turn(top + [(1.0, 1.3), (-3.2, 1.3)]), soil)
        p.poly(
            turn([(x + 0.3, y - 0.18) for x, y in top] + [(1.0, 1.3), (-3.0, 1.3)]),
            shade(soil, 0.85),
        )
    p.block(turn([(-3.6, 1.25), (1.05, 1.25), (1.3, 2.5), (-3.75, 2.3)]), bed, (0.45, 0.28))
    for x in np.linspace(-3.2, 0.85, 7):
        p.poly(
            turn([(x, 1.25), (x + 0.14, 1.25), (x + 0.17, 2.38), (x + 0.03, 2.36)]),
            shade(bed, 0.72),
        )
    p.poly(turn([(-3.75, 2.22), (1.28, 2.4), (1.3, 2.55), (-3.78, 2.36)]), shade(bed, 1.2))
    p.poly(
        turn([(1.2, 2.42), (2.3, 3.2), (2.3, 3.32), (1.1, 2.6)]), shade(bed, 0.9)
    )  # canopy over the cab
    p.block([(1.55, 0.75), (3.55, 0.75), (3.6, 1.7), (3.25, 2.95), (1.55, 2.95)], cab, (0.4, 0.26))
    p.poly([(2.2, 1.85), (3.36, 1.85), (3.1, 2.75), (2.2, 2.75)], glass, glow=(36, 32, 18))
    p.poly([(2.3, 1.9), (2.6, 1.9), (3.0, 2.7), (2.7, 2.7)], mix(glass, (255, 255, 255), 0.45))
    p.rect(1.95, 0.95, 2.02, 2.8, shade(cab, 0.7))
    p.rect(1.6, 1.5, 3.58, 1.62, mix(cab, (255, 255, 255), 0.6))
    p.rect(2.85, 1.3, 3.1, 1.38, dark)
    p.rect(3.3, 0.62, 3.72, 0.95, (80, 80, 84))
    p.disc(3.56, 1.15, 0.15, (255, 250, 210), glow=(255, 244, 200))
    p.rect(-3.6, 0.95, -3.42, 1.15, (220, 30, 30), glow=(200, 20, 20))
    for x in (-2.75, -1.55, 2.45):
        p.disc(x, 0.58, 0.72, shade(bed if x < 0 else cab, 0.5))
        p.disc(x, 0.52, 0.56, (30, 30, 32))
        p.disc(x, 0.52, 0.32, (176, 178, 180))
        p.disc(x, 0.52, 0.2, (110, 112, 116))
        p.disc(x, 0.52, 0.08, dark)
    return p.finish()


# ---------------------------------------------------------------- everything else on a site


def pile(rng, k, flip):
    w, h = rng.uniform(4, 7), rng.uniform(1.4, 2.4)
    soil = rng.choice([(112, 80, 52), (134, 104, 66), (92, 88, 86)])
    p, n = Pen((-w / 2 - 0.3, -0.2, w / 2 + 0.3, h + 0.4), k, flip), 40
    xs = np.linspace(-w / 2, w / 2, n)
    ys = [
        h * max(0, math.cos(x / w * math.pi)) ** 1.1 * (1 + 0.035 * rng.uniform(-1, 1)) for x in xs
    ]
    p.poly(list(zip(xs, ys)) + [(w / 2, -0.15), (-w / 2, -0.15)], soil)
    p.poly(
        [(x, y * 0.98) for x, y in zip(xs, ys) if x > w * 0.04]
        + [(w / 2, -0.15), (w * 0.16, -0.15)],
        shade(soil, 0.82),
    )
    for _ in range(60):
        x = rng.uniform(-w / 2, w / 2) * 0.92
        y = rng.random() * h * max(0, math.cos(x / w * math.pi))
        p.disc(x, y * 0.92, rng.uniform(0.04, 0.11), shade(soil, rng.uniform(0.7, 1.2)))
    return p.finish(outline=0.85)


def bricks(rng, k, flip):
    colour = rng.choice([(176, 84, 60), (170, 170, 164), (206, 160, 110)])
    p = Pen((-1.2, -0.1, 1.8, 2), k, flip)
    p.rect(-1, 0, 1, 0.16, (150, 112, 70))
    p.block([(-0.95, 0.16), (0.95, 0.16), (0.95, 1.35), (-0.95, 1.35)], colour, (0.45, 0.3))
    for r in range(6):
        p.rect(-0.95, 0.16 + r * 0.2, 0.95, 0.19 + r * 0.2, shade(colour, 0.7))
        for c in range(5):
            p.rect(
                -0.95 + c * 0.4 + r % 2 * 0.2,
                0.16 + r * 0.2,
                -0.92 + c * 0.4 + r % 2 * 0.2,
                0.36 + r * 0.2,
                shade(colour, 0.75),
            )
    return p.finish()


def pipes(rng, k, flip):
    p, colour = (
        Pen((-2.2, -0.1, 2.8, 2.6), k, flip),
        rng.choice([(176, 176, 170), (196, 110, 60), (60, 100, 130)]),
    )
    for row in range(3):
        for i in range(3 - row):
            x, y = (i - (2 - row) / 2) * 1.1, 0.55 + row * 0.95
            p.disc(x + 0.3, y + 0.12, 0.54, shade(colour, 0.7))
            p.disc(x, y, 0.54, colour)
            p.disc(x, y, 0.38, (46, 44, 44))
    return p.finish()


def container(rng, k, flip):
    colour = rng.choice([(52, 92, 130), (150, 66, 50), (86, 116, 92), (222, 218, 206)])
    p = Pen((-3.2, -0.1, 4, 3.4), k, flip)
    p.block([(-3, 0.1), (3, 0.1), (3, 2.6), (-3, 2.6)], colour, (0.7, 0.35))
    for x in np.arange(-2.9, 3, 0.3):
        p.rect(x, 0.25, x + 0.1, 2.45, shade(colour, 0.82))
    if rng.random() < 0.6:
        for x in (-2.2, 1.2):
            p.rect(x, 1.2, x + 1.1, 2.1, (190, 206, 214), glow=(150, 120, 60))
        p.rect(-0.5, 0.15, 0.4, 2.2, shade(colour, 0.6))
    return p.finish()


def toilet(rng, k, flip):
    colour = rng.choice([(30, 120, 190), (40, 150, 110)])
    p = Pen((-0.8, -0.1, 1.2, 2.9), k, flip)
    p.block([(-0.6, 0.05), (0.6, 0.05), (0.6, 2.2), (-0.6, 2.2)], colour, (0.35, 0.2))
    p.poly([(-0.65, 2.2), (1, 2.3), (0.7, 2.6), (-0.4, 2.55)], (236, 238, 238))
    p.rect(-0.45, 0.2, 0.45, 2.0, shade(colour, 1.2))
    p.rect(0.3, 1.0, 0.38, 1.2, (30, 30, 30))
    return p.finish()


def cone(rng, k, flip):
    p = Pen((-0.4, -0.1, 0.4, 1.0), k, flip)
    p.rect(-0.3, 0, 0.3, 0.08, (40, 40, 44))
    p.poly([(-0.22, 0.08), (0.22, 0.08), (0.04, 0.8), (-0.04, 0.8)], (255, 96, 20))
    p.poly(
        [(-0.15, 0.32), (0.15, 0.32), (0.11, 0.5), (-0.11, 0.5)],
        (245, 245, 245),
        glow=(120, 120, 120),
    )
    return p.finish()


def barrier(rng, k, flip):
    n, p = rng.randint(2, 4), Pen((-0.2, -0.1, 9, 1.4), k, flip)
    for i in range(n):
        x, colour = i * 2.1, [(214, 212, 206), (222, 60, 40)][i % 2 if rng.random() < 0.6 else 0]
        p.block(
            [(x, 0), (x + 2, 0), (x + 2, 0.25), (x + 1.9, 0.85), (x + 0.1, 0.85), (x, 0.25)],
            colour,
            (0.2, 0.16),
        )
    return p.finish()


def fence(rng, k, flip, width=14):
    "Panels of welded mesh: one looks through it."
    p = Pen((-width / 2 - 0.2, -0.1, width / 2 + 0.2, 2.4), k, flip)
    steel = (150, 156, 160)
    for x in np.arange(-width / 2, width / 2, 0.34):
        p.line([(x, 0.15), (x, 2.05)], 0.02, (*steel, 150))
    for y in np.arange(0.2, 2.1, 0.42):
        p.line([(-width / 2, y), (width / 2, y)], 0.02, (*steel, 150))
    for y in (0.12, 2.08):
        p.line([(-width / 2, y), (width / 2, y)], 0.07, steel)
    for x in np.arange(-width / 2, width / 2 + 0.1, 2.3):
        p.line([(x, 0), (x, 2.15)], 0.08, steel)
        p.rect(x - 0.35, -0.05, x + 0.35, 0.14, (196, 194, 188))
    return p


def netting(rng, k, flip, width=9):
    "Low orange safety netting on stakes; what stands behind it is partly hidden."
    p = Pen((-width / 2 - 0.2, -0.1, width / 2 + 0.2, 1.4), k, flip)
    p.rect(-width / 2, 0.12, width / 2, 1.0, (255, 110, 30, 205))
    for x in np.arange(-width / 2, width / 2, 0.22):
        p.line([(x, 0.12), (x, 1.0)], 0.02, (200, 74, 16))
    for y in (0.12, 0.34, 0.56, 0.78, 1.0):
        p.line([(-width / 2, y), (width / 2, y)], 0.025, (200, 74, 16))
    for x in np.arange(-width / 2, width / 2 + 0.1, 1.8):
        p.line([(x, 0), (x, 1.2)], 0.08, (90, 70, 50))
    return p


def lamp(rng, k, flip):
    p = Pen((-1.2, -0.1, 1.2, 7), k, flip)
    p.poly([(-0.7, 0), (0.7, 0), (0.1, 0.8), (-0.1, 0.8)], (90, 92, 96))
    p.line([(0, 0), (0, 6)], 0.13, (120, 122, 126))
    for x in (-0.8, -0.1):
        p.rect(x, 5.8, x + 0.8, 6.4, (255, 250, 226), glow=(255, 246, 214))
    return p.finish()


def frame(rng, k, flip, bays=None, floors=None):
    "A building in the raw: slabs and columns, some walls bricked up, reinforcement sticking out of the top."
    bays, floors = bays or rng.randint(3, 6), floors or rng.randint(3, 6)
    w, h, stone = 4.2, 3.1, rng.choice([(176, 174, 168), (190, 180, 164), (160, 162, 166)])
    brick = rng.choice([(178, 96, 70), (200, 172, 140), (150, 150, 150)])
    p = Pen((-0.5, -0.5, bays * w + 2.4, floors * h + 3.4), k, flip)
    p.rect(0, 0, bays * w + 1.4, floors * h, shade(stone, 0.42))
    for f in range(floors):
        for b in range(bays):
            x, y = b * w, f * h
            p.poly([(x, y), (x + w, y), (x + w + 1, y + 0.9), (x + 1, y + 0.9)], shade(stone, 0.66))
            if rng.random() < 0.62 - f * 0.13:
                p.rect(x, y, x + w, y + h, brick)
                p.rect(
                    x + 1.2,
                    y + 0.9,
                    x + 3.0,
                    y + 2.4,
                    (70, 84, 98),
                    glow=(190, 140, 60) if rng.random() < 0.3 else (0, 0, 0),
                )
            elif rng.random() < 0.2:
                p.rect(x, y + 0.2, x + w, y + h, (56, 132, 96, 200))
    for f in range(floors + 1):
        p.block(
            [
                (-0.3, f * h - 0.2),
                (bays * w + 0.3, f * h - 0.2),
                (bays * w + 0.3, f * h + 0.18),
                (-0.3, f * h + 0.18),
            ],
            stone,
            (1.0, 0.5 if f == floors else 0.1),
        )
    for b in range(bays + 1):
        p.rect(b * w - 0.22, 0, b * w + 0.22, floors * h, shade(stone, 1.06))
        [
            p.line(
                [(b * w + d, floors * h), (b * w + d, floors * h + rng.uniform(0.9, 1.9))],
                0.09,
                (120, 70, 50),
            )
            for d in (-0.3, 0, 0.3)
        ]
    return p.finish(outline=0.8)


def scaffold(rng, k, flip, bays=4, levels=3):
    "A wall with a scaffold in front; its decks are DECK metres apart, people stand on them."
    w, p = 2.4, Pen((-0.6, -0.2, bays * 2.4 + 1, levels * DECK + 1.8), k, flip)
    wall = rng.choice([(206, 176, 140), (190, 110, 84), (196, 196, 190), (214, 200, 160)])
    p.rect(0.1, 0, bays * w - 0.1, levels * DECK + 1.0, wall)
    for r in range(int((levels * DECK + 1.0) / 0.3)):
        p.rect(0.1, r * 0.3, bays * w - 0.1, r * 0.3 + 0.05, shade(wall, 0.9))
    for f in range(levels):
        for b in range(bays):
            p.rect(
                b * w + 0.7,
                f * DECK + 0.75,
                b * w + 1.7,
                f * DECK + 1.95,
                (66, 80, 96),
                glow=(200, 150, 70) if rng.random() < 0.2 else (0, 0, 0),
            )
            p.rect(b * w + 0.6, f * DECK + 0.66, b * w + 1.8, f * DECK + 0.76, shade(wall, 1.15))
    pole = (128, 134, 140)
    for b in range(0, bays, 2):
        p.line([(b * w, 0), (b * w + w, DECK * levels)], 0.06, shade(pole, 0.85))
    for f in range(1, levels + 1):
        p.block(
            [
                (-0.3, f * DECK - 0.12),
                (bays * w + 0.3, f * DECK - 0.12),
                (bays * w + 0.3, f * DECK),
                (-0.3, f * DECK),
            ],
            (184, 140, 84),
            (0.1, 0.12),
        )
    for b in range(bays + 1):
        p.line([(b * w, 0), (b * w, levels * DECK + 1.3)], 0.1, pole)
    return p.finish(outline=0.8)


def rails(rng, k, flip, bays=4, levels=3):
    "The front of the scaffold, painted over the people on it."
    p, pole = Pen((-0.6, -0.2, bays * 2.4 + 1, levels * DECK + 1.8), k, flip), (170, 174, 178)
    for f in range(1, levels + 1):
        for y in (0.5, 1.0):
            p.line([(0, f * DECK + y), (bays * 2.4, f * DECK + y)], 0.06, pole)
        p.rect(-0.3, f * DECK - 0.14, bays * 2.4 + 0.3, f * DECK + 0.12, (204, 160, 100))
    for b in range(bays + 1):
        p.line([(b * 2.4 - 0.05, 0), (b * 2.4 - 0.05, levels * DECK + 1.3)], 0.09, pole)
    return p.finish(outline=0.8)


DECK = 2.5
PAINTERS = {
    f.__name__: f
    for f in (
        worker,
        crane,
        excavator,
        truck,
        pile,
        bricks,
        pipes,
        container,
        toilet,
        cone,
        barrier,
        fence,
        netting,
        lamp,
        frame,
        scaffold,
        rails,
    )
}
LABELS = {"worker": 0, "crane": 1, "excavator": 2, "truck": 3}
CLUTTER = ["bricks", "pipes", "container", "toilet", "pile", "cone", "cone", "barrier"]

# ---------------------------------------------------------------- a scene


class Scene:
    "One picture: a camera `eye` metres above the ground looking level at the horizon, a mood, and the items in it."

    def __init__(self, width, height, mood, seed, horizon=0.4, eye=4.0):
        self.w, self.h, self.mood, self.m, self.eye = width, height, mood, MOODS[mood], eye
        self.rng, self.seed = random.Random(seed), random.Random(seed).randrange(2**31)
        self.horizon, self.items, self.lamps = horizon * height, [], []
        self.sun = self.rng.choice([-1, 1])

    def add(self, kind, x, ppm, up=0.0, order=0.0, flip=None, **kw):
        "Place a thing at `x` (0..1 across) where one metre is `ppm` final pixels: that fixes how far away it is, and so its row."
        rng, row = self.rng, self.horizon + ppm * self.eye
        flip = rng.random() < 0.5 if flip is None else flip
        if kind == "crane":
            kw["room"] = row / ppm
        pen = PAINTERS[kind](rng, ppm * SS, flip, **kw)
        base = round((row - up * ppm) * SS)
        pen.rgba = self.hazed(pen.rgba, row)
        self.items.append(
            Item(
                LABELS.get(kind),
                pen.rgba,
                pen.mask,
                pen.glow,
                round(x * self.w * SS - pen.ox),
                round(base - pen.oy),
                base,
                row + order,
                up == 0 and kind != "frame",
            )
        )
        if kind == "lamp":
            self.lamps.append((x * self.w, row, ppm))

    def hazed(self, layer, row):
        distance = (self.h - self.horizon) / max(row - self.horizon, 1) - 1
        t = min(0.62, 1 - math.exp(-self.m["fog"] * max(distance, 0)))
        veil = Image.new("RGBA", layer.size, (*self.m["haze"], 255))
        veil.putalpha(layer.getchannel("A"))
        return Image.blend(layer, veil, t)

    def spread(self, n, lo=0.08, hi=0.92):
        "n places across the picture, not on top of each other."
        step = (hi - lo) / max(n, 1)
        xs = [lo + step * (i + 0.5 + self.rng.uniform(-0.35, 0.35)) for i in range(n)]
        self.rng.shuffle(xs)
        return xs

    def ground(self):
        "Sky and ground as a float array (h, w, 3) at SS times the size."
        W, H, y0 = self.w * SS, self.h * SS, int(self.horizon * SS)
        t = np.linspace(0, 1, y0)[:, None, None] ** 0.9
        top, low = (np.array(self.m[n], np.float32) for n in ("top", "low"))
        clouds = noise(self.seed, y0, W, 5, 5)[..., None]
        white = np.array(
            mix(self.m["low"], (255, 255, 255), 0.5 if self.mood != "night" else 0.04), np.float32
        )
        sky = top + (low - top) * t
        sky = sky + (white - sky) * np.clip((clouds - 0.52) * 2.6, 0, 0.75)
        rows = np.arange(y0, H)
        z = (self.h - self.horizon) * SS / (rows - y0 + 2)  # distance, 1 at the bottom edge
        texture = noise(self.seed + 1, 512, 512, 8, 7, 0.66)
        u = np.floor((np.arange(W) - W / 2)[None] / H * z[:, None] * 420).astype(int) % 512
        v = np.floor(z * 300).astype(int)[:, None] % 512
        soil = np.array(
            self.rng.choice([(176, 148, 112), (160, 140, 118), (188, 168, 130), (150, 146, 138)]),
            np.float32,
        )
        earth = soil * (0.72 + 0.5 * texture[v, u])[..., None]
        across, offset = (np.arange(W) - W / 2)[None] / H * z[:, None], self.rng.uniform(-0.6, 0.6)
        for side in (offset, offset + 0.22):  # a pair of wheel tracks winding away
            d = np.abs(across - side - 0.15 * np.sin(z * 0.9)[:, None])
            earth *= (
                1
                - 0.2
                * (np.clip(1 - d / 0.05, 0, 1) * (0.7 + 0.3 * np.sign(np.sin(z * 90))[:, None]))[
                    ..., None
                ]
            )
        veil = np.clip(1 - np.exp(-self.m["fog"] * (z - 1)), 0, 0.8)[:, None, None]
        earth += (np.array(self.m["haze"], np.float32) - earth) * veil
        return np.concatenate([sky, earth]).astype(np.float32)

    def backdrop(self):
        "The far city and the hoarding around the site, as one picture; lit windows go to the second."
        size = (self.w * SS, self.h * SS)
        canvas, glow = (
            Image.fromarray(self.ground().clip(0, 255).astype(np.uint8)),
            Image.new("RGB", size),
        )
        draw, lit, rng, y0 = (
            ImageDraw.Draw(canvas),
            ImageDraw.Draw(glow),
            self.rng,
            self.horizon * SS,
        )
        if self.mood in ("day", "dusk", "night", "morning"):
            x, y, r = (
                size[0] * (0.5 - 0.36 * self.sun),
                y0 * (0.2 if self.mood != "dusk" else 0.74),
                size[1] * 0.035,
            )
            disc = {"night": (226, 228, 220), "dusk": (255, 226, 160)}.get(
                self.mood, (255, 250, 226)
            )
            draw.ellipse((x - r, y - r, x + r, y + r), fill=disc)
            lit.ellipse((x - r, y - r, x + r, y + r), fill=disc)
        x = -rng.uniform(0, 90)
        far = mix((120, 124, 138), self.m["haze"], 0.62)
        while x < size[0]:
            w, h = rng.uniform(60, 170), y0 * rng.uniform(0.08, 0.42)
            tone = shade(far, rng.uniform(0.88, 1.06))
            draw.rectangle((x, y0 - h, x + w, y0 + 2), fill=tone)
            for wx in np.arange(x + 10, x + w - 10, 16):
                for wy in np.arange(y0 - h + 10, y0 - 8, 20):
                    draw.rectangle((wx, wy, wx + 7, wy + 9), fill=shade(tone, 0.9))
                    if rng.random() < 0.3:
                        lit.rectangle((wx, wy, wx + 7, wy + 9), fill=(150, 116, 56))
            x += w + rng.choice([0, 0, 14, 40])
        board = mix(
            rng.choice([(70, 120, 160), (220, 216, 206), (96, 130, 100), (190, 150, 96)]),
            self.m["haze"],
            0.35,
        )
        h = 12 * SS / self.eye * 2
        draw.rectangle((0, y0 - h * 0.35, size[0], y0 + h * 0.65), fill=board)
        for wx in np.arange(0, size[0], h * 1.6):
            draw.line((wx, y0 - h * 0.35, wx, y0 + h * 0.65), fill=shade(board, 0.86), width=2)
        draw.line((0, y0 - h * 0.35, size[0], y0 - h * 0.35), fill=shade(board, 1.12), width=3)
        return np.asarray(canvas).astype(np.float32), np.asarray(glow).astype(np.float32)

    def cast(self, canvas, item):
        "Lay the item's shadow on the ground: its outline, flattened and leaning away from the sun."
        flat, slant = 0.2, 0.9 * self.sun
        w, h = item.rgba.size
        pad, foot = int(h * 0.9), item.base - item.top
        outline = Image.new("L", (w + 2 * pad, h))
        outline.paste(item.rgba.getchannel("A"), (pad, 0))
        back = (1, slant, -slant * foot, 0, 1 / flat, foot - foot / flat)
        soft = outline.transform(
            outline.size, Image.Transform.AFFINE, back, Image.Resampling.BILINEAR
        ).filter(ImageFilter.GaussianBlur(2.5))
        where, part = window(canvas.shape, item.left - pad, item.top, soft.size)
        if where is None:
            return
        dark = np.asarray(soft, np.float32)[part] / 255 * self.m["shadow"]
        below = np.arange(canvas.shape[0])[where[0]] > self.horizon * SS
        canvas[where] *= 1 - (dark * below[:, None])[..., None]

    def compose(self):
        "Paint everything back to front. Returns colours, light and, per supersampled pixel, the number (from 1) of the item seen there."
        canvas, glow = self.backdrop_cache = (
            getattr(self, "backdrop_cache", None) or self.backdrop()
        )
        canvas, glow, seen = canvas.copy(), glow.copy(), np.zeros(canvas.shape[:2], np.int16)
        for item in self.items:
            if item.shadow and self.m["shadow"]:
                self.cast(canvas, item)
        for number, item in sorted(enumerate(self.items, 1), key=lambda pair: pair[1].order):
            where, part = window(canvas.shape, item.left, item.top, item.rgba.size)
            if where is None:
                continue
            layer = np.asarray(item.rgba, np.float32)[part]
            alpha = layer[..., 3:] / 255
            canvas[where] += (layer[..., :3] - canvas[where]) * alpha
            glow[where] += (np.asarray(item.glow, np.float32)[part] - glow[where]) * alpha
            own = np.asarray(item.mask)[part] > 127
            seen[where] = np.where(
                own,
                number if item.label is not None else 0,
                np.where(alpha[..., 0] > 0.5, 0, seen[where]),
            )
        return canvas, glow, seen

    def light(self, canvas, glow):
        "Colour the picture by the mood; at night the lamps carve it out of the dark."
        ambient = np.array(self.m["light"], np.float32)
        if self.mood == "night":
            h, w = canvas.shape[:2]
            yy, xx = np.mgrid[0:h:6, 0:w:6].astype(np.float32) / SS
            pool = np.zeros_like(xx)
            for x, y, ppm in self.lamps:
                pool += np.exp(-(((xx - x) / (9 * ppm)) ** 2) - ((yy - y + ppm) / (5.5 * ppm)) ** 2)
            pool = np.asarray(Image.fromarray(pool).resize((w, h), Image.Resampling.BILINEAR))[
                ..., None
            ]
            ambient = ambient + np.minimum(pool, 0.95) * np.array((0.86, 0.76, 0.50), np.float32)
        strength = {"night": 1.0, "dusk": 0.55}.get(self.mood, 0.0)
        canvas = canvas * ambient
        if strength:
            small = Image.fromarray(glow.clip(0, 255).astype(np.uint8)).reduce(4)
            halo = sum(
                np.asarray(
                    small.filter(ImageFilter.GaussianBlur(r)).resize(
                        canvas.shape[1::-1], Image.Resampling.BILINEAR
                    ),
                    np.float32,
                )
                * f
                for r, f in ((3, 0.5), (12, 0.7))
            )
            canvas = canvas + (glow * 0.8 + halo) * strength
        return canvas

    def render(self):
        "The picture and what is in it: a Pillow image and a list of (label, box, cut off by the edge)."
        while True:
            canvas, glow, seen = self.compose()
            found = [self.extent(seen, n, item) for n, item in enumerate(self.items, 1)]
            if all(f is not None for f in found):
                break
            self.items = [
                i for i, f in zip(self.items, found) if f is not None
            ]  # too hidden: out, and paint again
        canvas = self.light(canvas, glow).clip(0, 255)
        canvas = canvas.reshape(self.h, SS, self.w, SS, 3).mean((1, 3))
        grain = np.random.RandomState(self.seed + 2).normal(
            0, 2.4 if self.mood != "night" else 3.2, (self.h, self.w, 1)
        )
        return Image.fromarray((canvas + grain).clip(0, 255).astype(np.uint8)), [
            f for f in found if f
        ]

    def extent(self, seen, number, item):
        "What is left of an item: (label, [x0, y0, x1, y1], cut), False for clutter, None if it is too hidden to be labelled."
        if item.label is None:
            return False
        whole, own = int((np.asarray(item.mask) > 127).sum()), seen == number
        cover = (
            own.reshape(self.h, SS, self.w, SS).mean((1, 3)) > 0.2
        )  # final pixels that show the object
        if own.sum() < MIN_VISIBLE * whole or not cover.any():
            return None
        ys, xs = np.flatnonzero(cover.any(1)), np.flatnonzero(cover.any(0))
        box = [int(xs[0]), int(ys[0]), int(xs[-1]) + 1, int(ys[-1]) + 1]
        if min(box[2] - box[0], box[3] - box[1]) < MIN_SIDE:
            return None
        x0, y0, x1, y1 = item.mask.getbbox()
        cut = (
            item.left + x0 < 0
            or item.top + y0 < 0
            or item.left + x1 > self.w * SS
            or item.top + y1 > self.h * SS
        )
        return item.label, box, bool(cut)


def window(shape, left, top, size):
    "Where a layer of `size` at (left, top) meets a canvas, as slices of the canvas and of the layer; (None, None) if nowhere."
    x0, y0, x1, y1 = (
        max(left, 0),
        max(top, 0),
        min(left + size[0], shape[1]),
        min(top + size[1], shape[0]),
    )
    if x0 >= x1 or y0 >= y1:
        return None, None
    return (slice(y0, y1), slice(x0, x1)), (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))


# ---------------------------------------------------------------- kinds of scene


def clutter(s, n, lo, hi):
    for x in s.spread(n, 0, 1):
        s.add(s.rng.choice(CLUTTER), x, s.rng.uniform(lo, hi))


def lamps(s, lo, hi):
    for x in s.spread(2 if s.mood == "night" else s.rng.choice([0, 0, 1]), 0.1, 0.9):
        s.add("lamp", x, s.rng.uniform(lo, hi))


def overview(s):
    "The whole site from a platform."
    r = s.rng
    for x in s.spread(r.choice([1, 1, 2])):
        s.add("crane", x, r.uniform(3.2, 4.6) * s.h / 288, flip=x > 0.5)
    if r.random() < 0.8:
        s.add("frame", r.uniform(-0.05, 0.7), r.uniform(5, 7), flip=False)
    kinds = ["excavator", "truck"] + [r.choice(["excavator", "excavator", "truck"])] * (
        r.random() < 0.7
    )
    for kind, x in zip(kinds, s.spread(len(kinds))):
        s.add(kind, x, r.uniform(11, 20))
    for x in s.spread(r.randint(2, 4), 0.05, 0.95):
        s.add("worker", x, r.uniform(22, 40))
    clutter(s, r.randint(1, 3), 9, 18)
    lamps(s, 10, 18)


def crew(s):
    "People close by, machines behind."
    r = s.rng
    if r.random() < 0.8:
        s.add("crane", r.uniform(0.1, 0.9), r.uniform(4, 6))
    if r.random() < 0.6:
        s.add("frame", r.uniform(-0.1, 0.6), r.uniform(7, 9), flip=False)
    if r.random() < 0.8:
        s.add(
            r.choice(["excavator", "excavator", "truck"]), r.uniform(0.15, 0.85), r.uniform(15, 26)
        )
    for x in s.spread(r.randint(3, 5), 0.06, 0.94):
        s.add("worker", x, r.choice([r.uniform(34, 56), r.uniform(56, 84)]))
    if r.random() < 0.6:
        s.add(r.choice(["fence", "netting", "bricks"]), r.uniform(0.2, 0.8), r.uniform(50, 62))
    clutter(s, 2, 14, 30)
    lamps(s, 20, 34)


def loading(s):
    "An excavator fills a truck; the two overlap."
    r = s.rng
    k, right, x = r.uniform(15, 21) * s.w / 384, r.random() < 0.5, r.uniform(0.22, 0.34)
    if r.random() < 0.6:
        s.add("crane", r.uniform(0.1, 0.9), r.uniform(3.4, 5))
    s.add(
        "truck",
        1 - x if right else x,
        k * 1.02,
        flip=not right,
        order=r.choice([-9, 6]),
        tipped=False,
    )
    s.add(
        "excavator",
        (1 - x if right else x) + (-1 if right else 1) * 7.2 * k / s.w,
        k,
        flip=not right,
    )
    s.add("pile", r.uniform(0.05, 0.95), k * r.uniform(0.6, 0.9))
    s.add("pile", r.uniform(0, 1), k * 1.5)
    for w in s.spread(r.randint(1, 3)):
        s.add("worker", w, r.uniform(24, 44))
    if r.random() < 0.3:
        s.add("netting", r.uniform(0.2, 0.8), 36)
    clutter(s, 1, 9, 16)
    lamps(s, 12, 20)


def skyline(s):
    "Cranes over a growing building."
    r = s.rng
    s.add("frame", r.uniform(-0.1, 0.15), r.uniform(5.5, 7.5), flip=False, bays=r.randint(3, 5))
    if r.random() < 0.6:
        s.add("frame", r.uniform(0.55, 0.7), r.uniform(4.5, 6), flip=False)
    for x in s.spread(r.choice([2, 2, 3]), 0.06, 0.94):
        s.add("crane", x, r.uniform(4.4, 6.2) * s.h / 288, flip=x > 0.5)
    for x in s.spread(r.choice([1, 2])):
        s.add(r.choice(["truck", "excavator", "excavator"]), x, r.uniform(11, 17))
    for x in s.spread(r.randint(1, 3)):
        s.add("worker", x, r.uniform(22, 34))
    clutter(s, 2, 9, 16)
    lamps(s, 9, 14)


def facade(s):
    "People on a scaffold."
    r, k, side = s.rng, s.rng.uniform(21, 26) * s.h / 288, s.rng.random() < 0.5
    x, bays, levels = (0.03 if side else 0.36), 4, 3
    s.add("crane", 0.85 if side else 0.15, r.uniform(4.4, 6), flip=side)
    s.add("scaffold", x, k, flip=False, bays=bays, levels=levels)
    spots = r.sample([(b, f) for b in range(bays) for f in (1, 2)], r.randint(2, 4))
    for b, f in spots:
        s.add(
            "worker",
            x + (b + r.uniform(0.3, 0.7)) * 2.4 * k / s.w,
            k,
            up=f * DECK + 0.1,
            order=0.1,
            pose=r.choice(["stand", "point", "read", "walk", "signal"]),
        )
    s.add("rails", x, k, flip=False, order=0.2, bays=bays, levels=levels)
    s.add(r.choice(["truck", "excavator", "excavator"]), 0.82 if side else 0.2, r.uniform(12, 18))
    for x in s.spread(r.randint(1, 2)):
        s.add("worker", x, r.uniform(30, 44))
    clutter(s, 1, 12, 28)
    lamps(s, 18, 26)


def haul(s):
    "Trucks on the haul road, near and far."
    r = s.rng
    for ppm, x in zip(
        (r.uniform(9, 11), r.uniform(14, 17), r.uniform(21, 27)), s.spread(3, 0.1, 0.9)
    ):
        s.add("truck", x, ppm)
    if r.random() < 0.7:
        s.add("crane", r.uniform(0.1, 0.9), r.uniform(3.2, 5))
    s.add("excavator", r.uniform(0.1, 0.9), r.uniform(11, 17))
    for x in s.spread(r.randint(1, 3)):
        s.add("worker", x, r.uniform(26, 46))
    s.add("barrier", r.uniform(0, 0.6), r.uniform(22, 34))
    clutter(s, 2, 8, 14)
    lamps(s, 10, 16)


def empty(s):
    "Sunday: nobody there, nothing to label."
    r = s.rng
    s.add("frame", r.uniform(-0.1, 0.5), r.uniform(5, 8), flip=False)
    if r.random() < 0.5:
        s.add("scaffold", r.uniform(0.4, 0.6), r.uniform(13, 18), flip=False)
    clutter(s, 5, 9, 26)
    s.add("fence", 0.5, r.uniform(26, 40))
    lamps(s, 12, 20)


KINDS = {
    "overview": (overview, 0.36, 4.2),
    "crew": (crew, 0.40, 2.3),
    "loading": (loading, 0.38, 3.8),  # horizon, height of the camera
    "skyline": (skyline, 0.62, 2.6),
    "facade": (facade, 0.50, 3.6),
    "haul": (haul, 0.36, 4.6),
    "empty": (empty, 0.42, 3.6),
}
SIZES = [(384, 288), (480, 320), (384, 288), (400, 300), (448, 336), (384, 288)]


def plan(split):
    "What to draw: a list of (file name, kind, mood, width, height). Night scenes live in a nested folder."
    rng, n = random.Random(f"{SEED}/{split}"), SPLITS[split]
    kinds = [k for k in KINDS if k != "empty"] * n
    moods = ["day", "dusk", "overcast", "night", "haze", "morning", "day"] * n
    rows = []
    for i in range(n):
        kind = "empty" if i in EMPTY[split] else kinds[i]
        mood = moods[i]
        size = (320, 448) if i % 13 == 7 else SIZES[rng.randrange(len(SIZES))]
        name = f"{split}_{i:03d}.jpg"
        rows.append((f"night/{name}" if mood == "night" else name, kind, mood, *size))
    return rows


def draw(split, name, kind, mood, width, height):
    "One finished picture with its boxes: (Pillow image, [(label, [x0, y0, x1, y1], cut), ...])."
    compose, horizon, eye = KINDS[kind]
    if height > width:
        eye *= 1.4  # more ground to fill: look from higher up
    scene = Scene(width, height, mood, f"{SEED}/{split}/{name}", horizon, eye)
    compose(scene)
    return scene.render()


# ---------------------------------------------------------------- three label formats


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def yolo_lines(objects, width, height):
    rows = []
    for label, (x0, y0, x1, y1), _ in objects:
        rows.append(
            f"{label} {(x0 + x1) / 2 / width:.10f} {(y0 + y1) / 2 / height:.10f} {(x1 - x0) / width:.10f} {(y1 - y0) / height:.10f}\n"
        )
    return "".join(rows)


def voc_xml(name, objects, width, height):
    "VOC corners are 1-based and inclusive: the first pixel is 1, the last belongs to the object."
    parts = [
        f"<annotation>\n  <folder>images</folder>\n  <filename>{escape(name)}</filename>\n"
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>\n  <segmented>0</segmented>\n"
    ]
    for label, (x0, y0, x1, y1), cut in objects:
        parts.append(
            f"  <object>\n    <name>{escape(CLASSES[label])}</name>\n    <pose>Unspecified</pose>\n    <truncated>{int(cut)}</truncated>\n"
            f"    <difficult>0</difficult>\n    <bndbox><xmin>{x0 + 1}</xmin><ymin>{y0 + 1}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox>\n  </object>\n"
        )
    return "".join(parts) + "</annotation>\n"


def coco_dict(rows):
    images, annotations = [], []
    for i, (name, width, height, objects) in enumerate(rows, 1):
        images.append(dict(id=i, file_name=name, width=width, height=height))
        for label, (x0, y0, x1, y1), _ in objects:
            w, h = x1 - x0, y1 - y0
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=i,
                    category_id=label + 1,
                    bbox=[x0, y0, w, h],
                    area=w * h,
                    iscrowd=0,
                )
            )
    return dict(
        info=dict(description="Drawn construction sites"),
        images=images,
        annotations=annotations,
        categories=[dict(id=i, name=c) for i, c in enumerate(CLASSES, 1)],
    )


def make_split(root, split):
    "Draw one split into `root` and write its labels three times. Returns [(name, width, height, objects), ...]."
    rows, blank = [], 0
    for name, kind, mood, width, height in plan(split):
        image, objects = draw(split, name, kind, mood, width, height)
        path = root / "images" / split / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, quality=QUALITY, optimize=True)
        stem = name.removesuffix(".jpg")
        blank += not objects
        if objects or blank % 2:
            write(
                root / "labels" / split / f"{stem}.txt", yolo_lines(objects, width, height)
            )  # every other empty one has no file
        write(
            root / "voc/Annotations" / split / f"{stem}.xml", voc_xml(name, objects, width, height)
        )
        rows.append((name, width, height, objects))
    write(
        root / f"coco_annotations/instances_{split}.json",
        json.dumps(coco_dict(rows), indent=1) + "\n",
    )
    write(
        root / f"voc/ImageSets/Main/{split}.txt",
        "".join(name.removesuffix(".jpg") + "\n" for name, *_ in rows),
    )
    return rows


def preview(root, path):
    "A sheet of twelve scenes with their boxes, for the README."
    colours, sheet = (
        [(255, 60, 60), (0, 220, 235), (255, 70, 255), (90, 235, 60)],
        Image.new("RGB", (4 * 320, 3 * 240), "white"),
    )
    data = json.loads((root / "coco_annotations/instances_train.json").read_text())
    for k, image in enumerate(data["images"][i] for i in PREVIEW):
        picture = Image.open(root / "images/train" / image["file_name"])
        pen = ImageDraw.Draw(picture)
        for a in data["annotations"]:
            x, y, w, h = a["bbox"]
            if a["image_id"] == image["id"]:
                pen.rectangle(
                    (x, y, x + w - 1, y + h - 1), outline=colours[a["category_id"] - 1], width=2
                )
        sheet.paste(ImageOps.fit(picture, (316, 236)), (k % 4 * 320 + 2, k // 4 * 240 + 2))
    sheet.save(path, quality=74, optimize=True)


def main(folder):
    root = Path(folder)
    for part in ("images", "labels", "coco_annotations", "voc"):
        shutil.rmtree(root / part, ignore_errors=True)
    write(root / "classes.txt", "".join(c + "\n" for c in CLASSES))
    for split in SPLITS:
        rows = make_split(root, split)
        counts = [sum(o[0] == i for r in rows for o in r[3]) for i in range(len(CLASSES))]
        print(
            f"{split}: {len(rows)} images, {sum(not r[3] for r in rows)} without boxes, "
            + ", ".join(f"{n} {c}" for n, c in zip(counts, CLASSES))
        )
    preview(root, root / "preview.jpg")
    size = sum(f.stat().st_size for f in (root / "images").rglob("*.jpg"))
    print(f"{size / 1e6:.2f} MB of images in {root}")


if __name__ == "__main__":
    main(
        sys.argv[1]
        if len(sys.argv) > 1
        else Path(__file__).resolve().parent.parent / "data_samples/construction"
    )
