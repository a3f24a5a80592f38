"""A pen that draws one object, in metres."""

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from shapes import DARK, corners, placed, points, read_shapes, shade


class Pen:
    """Three layers of one object: its colours, the mask of the object itself, and its own light.

    `extent` is the lower left and the upper right corner, as points or as text, `scale` is pixels
    a metre, and `flip` mirrors the object. `origin` is the pixel of the point (0, 0).
    """

    def __init__(self, extent, scale, flip=False):
        extent = points(extent) if isinstance(extent, str) else extent
        (x0, y0), (x1, y1) = extent
        if flip:
            x0, x1 = -x1, -x0
        width = int((x1 - x0) * scale) + 5
        height = int((y1 - y0) * scale) + 5
        self.origin = (-x0 * scale + 2, y1 * scale + 2)
        self.scale = scale
        self.sign = -1 if flip else 1
        self.colours = Image.new("RGBA", (width, height))
        self.mask = Image.new("L", (width, height))
        self.glow = Image.new("RGB", (width, height))
        self.owned = True  # False for a thing the object holds: it covers, but is no part of it

    def pixel(self, x, y):
        "Where a point lies on the layers."
        left, top = self.origin
        return left + self.sign * x * self.scale, top - y * self.scale

    def paint(self, shape, xy, fill, glow):
        "Call a method of ImageDraw, `shape`, on all three layers."
        inks = {
            "colours": fill,
            "mask": 255 if self.owned else 0,
            "glow": glow,
        }
        for layer, ink in inks.items():
            draw = ImageDraw.Draw(getattr(self, layer))
            getattr(draw, shape)(xy, fill=ink)

    def poly(self, outline, fill, glow=DARK):
        "A polygon."
        pixels = [self.pixel(x, y) for x, y in outline]
        self.paint("polygon", pixels, fill, glow)

    def rect(self, x0, y0, x1, y1, fill, glow=DARK):
        "An upright rectangle."
        self.poly(corners(x0, y0, x1, y1), fill, glow)

    def disc(self, x, y, radius, fill, glow=DARK):
        "A disc about (x, y)."
        left, top = self.pixel(x, y)
        r = radius * self.scale
        self.paint("ellipse", (left - r, top - r, left + r, top + r), fill, glow)

    def bar(self, a, b, half_a, half_b, fill, glow=DARK):
        "A straight bar from `a` to `b` with half its width at either end."
        across = b[0] - a[0]
        up = b[1] - a[1]
        length = math.hypot(across, up) or 1
        at_a = placed(a, across / length, up / length)
        at_b = placed(b, across / length, up / length)
        outline = [at_a(0, half_a), at_b(0, half_b), at_b(0, -half_b), at_a(0, -half_a)]
        self.poly(outline, fill, glow)

    def line(self, path, width, fill, glow=DARK, round_ends=False):
        "Bars from point to point, never too thin to be seen."
        half = max(width, 2.4 / self.scale) / 2
        for a, b in zip(path, path[1:], strict=False):
            self.bar(a, b, half, half, fill, glow)
        joints = path if round_ends else path[1:-1]
        for x, y in joints:
            self.disc(x, y, half, fill, glow)

    def block(self, outline, depth, fill):
        "A polygon with some thickness behind it: as seen from a little above, tops are lighter."
        edges = list(zip(outline, outline[1:] + outline[:1], strict=True))
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in edges)
        turn = 1 if area > 0 else -1
        behind = placed(depth)
        for a, b in edges:
            across = (b[1] - a[1]) * turn
            up = (a[0] - b[0]) * turn
            faces_us = across * depth[0] + up * depth[1] > 0
            if faces_us:
                light = 1.22 if up > abs(across) * 0.6 else 0.66
                self.poly([a, b, behind(*b), behind(*a)], shade(fill, light))
        self.poly(outline, fill)

    def draw(self, table, paints=None, at=None):
        "Draw a table of shapes (see `read_shapes`)."
        for shape in read_shapes(table, paints, at):
            self.draw_shape(shape.kind, shape.path, shape.size, shape.fill, shape.glow)

    def draw_shape(self, kind, path, size, fill, glow):
        "Draw one row of a table."
        if kind == "poly":
            self.poly(path, fill, glow)
        elif kind == "rect":
            self.rect(*path[0], *path[1], fill, glow)
        elif kind == "disc":
            self.disc(*path[0], float(size), fill, glow)
        elif kind == "block":
            self.block(path, points(size)[0], fill)
        else:
            self.line(path, float(size), fill, glow, round_ends=kind == "rod")

    def finish(self, outline=0.62, gradient=0.16):
        "Shade the object from top to bottom and darken its rim, which keeps small things readable."
        pixels = np.asarray(self.colours).astype(np.float32)
        height = pixels.shape[0]
        rows = np.linspace(1 + gradient / 2, 1 - gradient / 2, height, dtype=np.float32)
        alpha = self.colours.getchannel("A")
        inner = np.asarray(alpha.filter(ImageFilter.MinFilter(3)))
        rim = (inner < 128) & (np.asarray(alpha) > 128)
        pixels[..., :3] = np.clip(pixels[..., :3] * rows[:, None, None], 0, 255)
        pixels[..., :3][rim] *= outline
        self.colours = Image.fromarray(pixels.astype(np.uint8))
        return self
