"""Paints a scene back to front, and finds the box of what can still be seen of every object."""

import numpy as np
from backdrop import draw_backdrop
from PIL import Image, ImageFilter
from scene import SS

MIN_VISIBLE = 0.35  # an object of which less can be seen leaves the scene: nothing stays unlabelled
MIN_SIDE = 15  # and so does one whose visible box is thinner than this many pixels
FLATTENED = 0.2  # how long a shadow is, in heights of its object
SLANT = 0.9
HALO = ((3, 0.5), (12, 0.7))  # radius of the blur, strength
LAMP_LIGHT = (0.86, 0.76, 0.50)


def overlap(shape, left, top, size):
    "Where a layer at (left, top) meets a canvas: slices of the canvas and of the layer, or None."
    x0 = max(left, 0)
    y0 = max(top, 0)
    x1 = min(left + size[0], shape[1])
    y1 = min(top + size[1], shape[0])
    if x0 >= x1 or y0 >= y1:
        return None
    of_canvas = (slice(y0, y1), slice(x0, x1))
    of_layer = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    return of_canvas, of_layer


def averaged(array):
    "The final pixels of a supersampled picture."
    height, width = array.shape[:2]
    tiles = array.reshape(height // SS, SS, width // SS, SS, *array.shape[2:])
    return tiles.mean((1, 3))


def enlarged(image, canvas):
    "An image as large as the canvas, as an array."
    size = canvas.shape[1::-1]
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR), np.float32)


def shadow_outline(item, slant, margin):
    "The item's outline flattened onto the ground, in a layer with a margin left and right."
    width, height = item.colours.size
    outline = Image.new("L", (width + 2 * margin, height))
    outline.paste(item.colours.getchannel("A"), (margin, 0))
    foot = item.base - item.top
    back = (1, slant, -slant * foot, 0, 1 / FLATTENED, foot - foot / FLATTENED)
    method = Image.Transform.AFFINE
    flat = outline.transform(outline.size, method, back, Image.Resampling.BILINEAR)
    return flat.filter(ImageFilter.GaussianBlur(2.5))


def cast_shadow(scene, canvas, item):
    "Darken the ground behind the item, away from the sun."
    margin = int(item.colours.size[1] * 0.9)
    outline = shadow_outline(item, SLANT * scene.sun, margin)
    common = overlap(canvas.shape, item.left - margin, item.top, outline.size)
    if common is None:
        return
    where, part = common
    dark = np.asarray(outline, np.float32)[part] / 255 * scene.mood.shadow
    on_ground = np.arange(canvas.shape[0])[where[0]] > scene.horizon * SS
    canvas[where] *= 1 - (dark * on_ground[:, None])[..., None]


def paint_item(item, number, canvas, glow, seen):
    "Lay one item over what has been painted so far."
    common = overlap(canvas.shape, item.left, item.top, item.colours.size)
    if common is None:
        return
    where, part = common
    layer = np.asarray(item.colours, np.float32)[part]
    light = np.asarray(item.glow, np.float32)[part]
    own = np.asarray(item.mask)[part] > 127
    alpha = layer[..., 3:] / 255
    canvas[where] += (layer[..., :3] - canvas[where]) * alpha
    glow[where] += (light - glow[where]) * alpha
    behind = np.where(alpha[..., 0] > 0.5, 0, seen[where])
    seen[where] = np.where(own, 0 if item.label is None else number, behind)


def compose(scene, backdrop):
    "Colours, light and, per supersampled pixel, the number (from 1) of the object seen there."
    canvas, glow = (layer.copy() for layer in backdrop)
    seen = np.zeros(canvas.shape[:2], np.int16)
    for item in scene.items:
        if item.shadow and scene.mood.shadow:
            cast_shadow(scene, canvas, item)
    numbered = enumerate(scene.items, 1)
    for number, item in sorted(numbered, key=lambda pair: pair[1].order):
        paint_item(item, number, canvas, glow, seen)
    return canvas, glow, seen


def pools_of_light(scene, canvas):
    "What the lamps of the site light up at night: an array (height, width, 1) in 0..0.95."
    height, width = canvas.shape[:2]
    grid = np.mgrid[0:height:6, 0:width:6]
    yy, xx = grid.astype(np.float32) / SS
    pool = np.zeros_like(xx)
    for x, y, ppm in scene.lamps:
        across = (xx - x) / (9 * ppm)
        down = (yy - y + ppm) / (5.5 * ppm)
        pool += np.exp(-(across**2) - down**2)
    whole = enlarged(Image.fromarray(pool), canvas)
    return np.minimum(whole, 0.95)[..., None]


def halo(glow):
    "Light that spills over from what shines."
    small = Image.fromarray(glow.clip(0, 255).astype(np.uint8)).reduce(4)
    total = 0
    for radius, strength in HALO:
        blurred = small.filter(ImageFilter.GaussianBlur(radius))
        total = total + enlarged(blurred, glow) * strength
    return total


def add_light(scene, canvas, glow):
    "Colour the picture by the mood; at night the lamps carve it out of the dark."
    ambient = np.array(scene.mood.light, np.float32)
    if scene.mood.night:
        lamp_light = np.array(LAMP_LIGHT, np.float32)
        ambient = ambient + pools_of_light(scene, canvas) * lamp_light
    canvas = canvas * ambient
    if scene.mood.lamps:
        canvas = canvas + (glow * 0.8 + halo(glow)) * scene.mood.lamps
    return canvas


def visible_box(item, own):
    """[x0, y0, x1, y1] of the final pixels that show the item, or None if that is too little.

    `own` says which supersampled pixels show it.
    """
    whole = (np.asarray(item.mask) > 127).sum()
    shown = averaged(own) > 0.2
    if own.sum() < MIN_VISIBLE * whole or not shown.any():
        return None
    columns = np.flatnonzero(shown.any(0))
    rows = np.flatnonzero(shown.any(1))
    x0 = int(columns[0])
    y0 = int(rows[0])
    x1 = int(columns[-1]) + 1
    y1 = int(rows[-1]) + 1
    if min(x1 - x0, y1 - y0) < MIN_SIDE:
        return None
    return [x0, y0, x1, y1]


def is_cut(item, height, width):
    "Whether the edge of the picture cuts the item off."
    x0, y0, x1, y1 = item.mask.getbbox()
    beyond_left_or_top = item.left + x0 < 0 or item.top + y0 < 0
    return beyond_left_or_top or item.left + x1 > width or item.top + y1 > height


def look_for_objects(items, seen):
    "Items that stay, and (label, box, cut off by the edge) of those that are to be found."
    kept = []
    found = []
    for number, item in enumerate(items, 1):
        if item.label is None:
            kept.append(item)
            continue
        box = visible_box(item, seen == number)
        if box:
            kept.append(item)
            found.append((item.label, box, is_cut(item, *seen.shape)))
    return kept, found


def render(scene):
    """The picture and what is in it: an image and a list of (label, box, cut off by the edge).

    Objects of which too little can be seen are taken out of the scene, which is painted again.
    """
    backdrop = draw_backdrop(scene)
    while True:
        canvas, glow, seen = compose(scene, backdrop)
        kept, found = look_for_objects(scene.items, seen)
        if len(kept) == len(scene.items):
            break
        scene.items = kept
    picture = averaged(add_light(scene, canvas, glow).clip(0, 255))
    camera = np.random.RandomState(scene.seed + 2)
    grain = camera.normal(0, scene.mood.grain, (scene.height, scene.width, 1))
    noisy = (picture + grain).clip(0, 255)
    return Image.fromarray(noisy.astype(np.uint8)), found
