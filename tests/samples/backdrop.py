"""What is there before anything stands on the site: sky, ground, a far city and a hoarding."""

import numpy as np
from PIL import Image, ImageDraw
from scene import SS
from shapes import mix, rgb, shade

SOILS = ["#b09470", "#a08c76", "#bca882", "#96928a"]
BOARDS = ["#4678a0", "#dcd8ce", "#608264", "#be9660"]
LIT_WINDOW = "#967438"


def noise(seed, height, width, cells, octaves, rough=0.5):
    "Smooth fractal noise in 0..1, float32 (height, width), whose opposite edges fit together."
    state = np.random.RandomState(seed)
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        n = cells * 2**octave
        grid = state.rand(n, n).astype(np.float32)
        wrapped = Image.fromarray(np.pad(grid, 2, mode="wrap"))
        middle = (2, 2, n + 2, n + 2)
        smooth = wrapped.resize((width, height), Image.Resampling.BICUBIC, box=middle)
        total += np.asarray(smooth) * rough**octave
    lowest = total.min()
    return (total - lowest) / (total.max() - lowest)


def floats(colour):
    "The colour as an array of three."
    return np.array(rgb(colour), np.float32)


def draw_sky(scene, width, height):
    "A gradient with clouds: a float array (height, width, 3)."
    mood = scene.mood
    top = floats(mood.top)
    low = floats(mood.low)
    down = np.linspace(0, 1, height) ** 0.9
    sky = top + (low - top) * down[:, None, None]
    white = floats(mix(mood.low, "#ffffff", mood.clouds))
    clouds = noise(scene.seed, height, width, 5, 5)
    cover = np.clip((clouds - 0.52) * 2.6, 0, 0.75)
    return sky + (white - sky) * cover[..., None]


def soil_texture(seed, across, distance):
    "How bright the ground is: a texture that is seen smaller the further away it lies."
    texture = noise(seed, 512, 512, 8, 7, 0.66)
    column = np.floor(across * 420).astype(int) % 512
    row = np.floor(distance * 300).astype(int) % 512
    return 0.72 + 0.5 * texture[row[:, None], column]


def track_depth(across, distance):
    "How deep the ground is pressed in, 0..1, by a wheel that wound its way into the distance."
    winding = 0.15 * np.sin(distance * 0.9)
    away = np.abs(across - winding[:, None])
    treads = 0.7 + 0.3 * np.sign(np.sin(distance * 90))
    return np.clip(1 - away / 0.05, 0, 1) * treads[:, None]


def draw_ground(scene, width, height):
    """Soil with a pair of wheel tracks, and haze: a float array (rows, width, 3).

    `height` is that of the whole picture, `rows` are those below the horizon.
    """
    rows = np.arange(height - int(scene.horizon * SS))
    distance = (scene.height - scene.horizon) * SS / (rows + 2)  # 1 at the bottom edge
    from_middle = np.arange(width) - width / 2
    across = from_middle / height * distance[:, None]
    soil = floats(scene.rng.choice(SOILS))
    ground = soil * soil_texture(scene.seed + 1, across, distance)[..., None]
    left = scene.rng.uniform(-0.6, 0.6)
    for track in (left, left + 0.22):
        depth = track_depth(across - track, distance)
        ground *= 1 - 0.2 * depth[..., None]
    veil = np.clip(1 - np.exp(-scene.mood.fog * (distance - 1)), 0, 0.8)
    ground += (floats(scene.mood.haze) - ground) * veil[:, None, None]
    return ground


def draw_sun(scene, draw, lit, width, height):
    "By night it is the moon. `draw` and `lit` draw on the picture and on what shines in it."
    x = width * (0.5 - 0.36 * scene.sun)
    y = scene.horizon * SS * scene.mood.sun_at
    r = height * 0.035
    for layer in (draw, lit):
        layer.ellipse((x - r, y - r, x + r, y + r), fill=scene.mood.sun)


def draw_house(rng, draw, lit, x, roof, width, ground, tone):
    "A far house with its windows, some of them lit."
    draw.rectangle((x, roof, x + width, ground + 2), fill=tone)
    for left in np.arange(x + 10, x + width - 10, 16):
        for top in np.arange(roof + 10, ground - 8, 20):
            window = (left, top, left + 7, top + 9)
            draw.rectangle(window, fill=shade(tone, 0.9))
            if rng.random() < 0.3:
                lit.rectangle(window, fill=LIT_WINDOW)


def draw_city(scene, draw, lit, width):
    "A row of far houses from the left edge to the right."
    rng = scene.rng
    ground = scene.horizon * SS
    far = mix("#787c8a", scene.mood.haze, 0.62)
    x = -rng.uniform(0, 90)
    while x < width:
        house = rng.uniform(60, 170)
        roof = ground - ground * rng.uniform(0.08, 0.42)
        tone = shade(far, rng.uniform(0.88, 1.06))
        draw_house(rng, draw, lit, x, roof, house, ground, tone)
        x += house + rng.choice([0, 0, 14, 40])


def draw_hoarding(scene, draw, width):
    "The boards around the site."
    colour = mix(scene.rng.choice(BOARDS), scene.mood.haze, 0.35)
    tall = 12 * SS / scene.eye * 2
    top = scene.horizon * SS - tall * 0.35
    foot = scene.horizon * SS + tall * 0.65
    draw.rectangle((0, top, width, foot), fill=colour)
    for x in np.arange(0, width, tall * 1.6):
        draw.line((x, top, x, foot), fill=shade(colour, 0.86), width=2)
    draw.line((0, top, width, top), fill=shade(colour, 1.12), width=3)


def draw_backdrop(scene):
    "Two float arrays (height, width, 3) at SS times the size: the colours, and what shines."
    width = scene.width * SS
    height = scene.height * SS
    sky = draw_sky(scene, width, int(scene.horizon * SS))
    ground = draw_ground(scene, width, height)
    picture = np.concatenate([sky, ground]).astype(np.float32)
    colours = Image.fromarray(picture.clip(0, 255).astype(np.uint8))
    glow = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(colours)
    lit = ImageDraw.Draw(glow)
    if scene.mood.sun:
        draw_sun(scene, draw, lit, width, height)
    draw_city(scene, draw, lit, width)
    draw_hoarding(scene, draw, width)
    return [np.asarray(layer).astype(np.float32) for layer in (colours, glow)]
