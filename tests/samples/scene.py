"""A scene: a camera, a mood, and the things that stand on the ground before it."""

import math
import random
from dataclasses import dataclass

import buildings
import clutter
from buildings import frame, scaffold
from clutter import barrier, bricks, container, netting, paint_drawing, pile
from crane import crane
from excavator import excavator
from moods import MOODS
from PIL import Image
from shapes import rgb
from truck import truck
from worker import worker

SS = 3  # supersampling: everything is painted SS times larger, then averaged
CLASSES = ["Worker", "Tower crane", "Excavator", "Truck"]
TO_BE_FOUND = [worker, crane, excavator, truck]
OTHERS = [barrier, bricks, container, netting, pile, frame, scaffold]
PAINTERS = {painter.__name__: painter for painter in TO_BE_FOUND + OTHERS}
DRAWINGS = {**clutter.DRAWINGS, **buildings.DRAWINGS}
LABELS = {painter.__name__: label for label, painter in enumerate(TO_BE_FOUND)}
NEVER_MIRRORED = ("frame", "scaffold", "rails")


def paint(kind, rng, scale, flip, **options):
    "A pen that has drawn a thing of this kind, `scale` pixels a metre."
    if kind in DRAWINGS:
        return paint_drawing(DRAWINGS[kind], rng, scale, flip)
    return PAINTERS[kind](rng, scale, flip, **options)


@dataclass
class Item:
    "Something painted into a scene. Lengths are in supersampled pixels."

    label: int | None  # index into CLASSES, None for everything that is not to be found
    colours: Image.Image
    mask: Image.Image  # of the object itself
    glow: Image.Image  # the light it gives off
    left: int  # top left corner of these layers
    top: int
    base: int  # row of the ground under it
    order: float  # what is larger is painted later
    shadow: bool


class Scene:
    """One picture before it is painted.

    The camera stands `eye` metres above the ground and looks level at the horizon, which lies at
    this share of the height. The same seed gives the same scene.
    """

    def __init__(self, width, height, mood, seed, horizon=0.4, eye=4.0):
        self.width = width
        self.height = height
        self.mood = MOODS[mood]
        self.eye = eye
        self.horizon = horizon * height
        self.rng = random.Random(seed)
        self.seed = random.Random(seed).randrange(2**31)  # of clouds, soil and grain
        self.sun = self.rng.choice([-1, 1])  # on which side it stands
        self.items = []
        self.lamps = []  # (x, row, pixels a metre)

    def add(self, kind, x, ppm, up=0.0, order=0.0, flip=None, **options):
        """Place a thing at `x` (0..1 across) where one metre is `ppm` pixels of the final picture.

        That fixes how far away it is, and so its row. `up` lifts it by metres.
        """
        row = self.horizon + ppm * self.eye
        if flip is None:
            flip = kind not in NEVER_MIRRORED and self.rng.random() < 0.5
        if kind == "crane":
            options["room"] = row / ppm
        pen = paint(kind, self.rng, ppm * SS, flip, **options)
        base = round((row - up * ppm) * SS)
        item = Item(
            label=LABELS.get(kind),
            colours=self.hazed(pen.colours, row),
            mask=pen.mask,
            glow=pen.glow,
            left=round(x * self.width * SS - pen.origin[0]),
            top=round(base - pen.origin[1]),
            base=base,
            order=row + order,
            shadow=up == 0 and kind != "frame",
        )
        self.items.append(item)
        if kind == "lamp":
            self.lamps.append((x * self.width, row, ppm))

    def hazed(self, layer, row):
        "A layer whose colours fade with its distance."
        distance = (self.height - self.horizon) / max(row - self.horizon, 1) - 1
        share = min(0.62, 1 - math.exp(-self.mood.fog * max(distance, 0)))
        veil = Image.new("RGBA", layer.size, rgb(self.mood.haze))
        veil.putalpha(layer.getchannel("A"))
        return Image.blend(layer, veil, share)

    def chance(self, share):
        return self.rng.random() < share

    def one_of(self, kinds):
        "A kind as it is, or one drawn from a list."
        return kinds if isinstance(kinds, str) else self.rng.choice(kinds)

    def place(self, kinds, ppm, across=(0.1, 0.9), chance=None):
        "Perhaps add one thing, somewhere in these two ranges."
        if chance and not self.chance(chance):
            return
        kind = self.one_of(kinds)
        x = self.rng.uniform(*across)
        self.add(kind, x, self.rng.uniform(*ppm))

    def scatter(self, kinds, count, ppm, across=(0.08, 0.92)):
        "Add several things that do not stand on top of each other."
        for x in self.spread(count, across):
            kind = self.one_of(kinds)
            self.add(kind, x, self.rng.uniform(*ppm))

    def spread(self, count, across=(0.08, 0.92)):
        "Places across the picture, in no order."
        lo, hi = across
        step = (hi - lo) / max(count, 1)
        places = []
        for i in range(count):
            inside = i + 0.5 + self.rng.uniform(-0.35, 0.35)
            places.append(lo + step * inside)
        self.rng.shuffle(places)
        return places
