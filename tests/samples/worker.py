"""A worker: a pose, clothes, and what the hands hold."""

import math

from canvas import Pen
from shapes import between, placed, shade, shift

POSES = """
stand    9   4   -9  -4    22   8   -22   -8    0
walk    30  12  -20 -42   -34 -12    36   70    5
signal  12   6  -12  -6   158 172   -30  -10    0
stop    13   6  -13  -6   118 160  -118 -160    0
point   10   4  -12  -6    92  88   -26   20    0
dig     34  -6  -22 -34    44  30    24   62   34
kneel   84  -4    2 -88    52  70    20   60   12
carry   24   8  -18 -34    40 128    20   96    3
read     8   4  -10  -4    26  96     6   92    0
"""  # near leg (thigh, shin), far leg, near arm (upper, lower), far arm, lean of the trunk
FACING_US = ("stand", "signal", "stop", "point")
LEG = (0.42, 0.42)
ARM = (0.3, 0.29)

SILVER = "#eef2f0"
SILVER_AT_NIGHT = "#96968c"
BOOT = "#3a281c"
VESTS = ["#ff7014", "#ff7014", "#d4f01c", "#d4f01c", "#ff4628"]
HELMETS = ["#fafaf6", "#ffce14", "#ffce14", "#1e64d2", "#dc2824", "#28a050"]
TROUSERS = ["#262e4e", "#46484e", "#766448", "#223c5c"]  # or the colour of the vest
SKINS = ["#f0c8aa", "#d6a47c", "#a06c4a", "#68442e"]
SLEEVES = ["#2c3c64", "#5a5e64", "#ece8de"]  # or the colour of the vest

BANDS = """
poly silver~#96968c -0.235,0.1 0.235,0.1 0.24,0.17 -0.24,0.17
poly silver~#96968c -0.235,0.26 0.235,0.26 0.24,0.33 -0.24,0.33
poly silver~#96968c -0.15,0.3 -0.09,0.3 -0.09,0.68 -0.15,0.68
poly silver~#96968c 0.09,0.3 0.15,0.3 0.15,0.68 0.09,0.68
"""
FACE = """
disc skin      0,0 / 0.15
disc skin*0.55 -0.07,-0.02 / 0.1
disc skin      0.03,-0.01 / 0.11
"""
HELMET = """
rod  helmet*0.82 -0.2,0.05 0.27,0.04 / 0.06
line helmet*1.12 -0.05,0.23 0.08,0.22 / 0.05
"""  # its brim and its ridge; the dome is drawn in draw_head
SPADE = "poly #787e84 0.2,0.3 0.4,0.22 0.52,0 0.24,0.04"
PLANK = "poly #c4985c -1.3,0.44 1.35,0.5 1.35,0.63 -1.3,0.57"
PAPER = "poly #f5f5f0 -0.14,0 0.16,0.04 0.1,0.24 -0.2,0.2"


def read_poses(table):
    "{name: the angles of both legs and both arms, and the lean}, all in degrees."
    poses = {}
    for row in table.strip().splitlines():
        name, *numbers = row.split()
        angles = [int(number) for number in numbers]
        poses[name] = (angles[0:2], angles[2:4], angles[4:6], angles[6:8], angles[8])
    return poses


ANGLES = read_poses(POSES)


def dress(rng):
    "Colours for the clothes and the skin."
    vest = rng.choice(VESTS)
    return {
        "vest": vest,
        "helmet": rng.choice(HELMETS),
        "trousers": rng.choice([*TROUSERS, shade(vest, 0.8)]),
        "skin": rng.choice(SKINS),
        "sleeve": rng.choice([vest, *SLEEVES]),
        "silver": SILVER,
    }


def limb(start, angles, lengths):
    "Points along a limb; angles in degrees from straight down, forward is positive."
    path = [start]
    for angle, length in zip(angles, lengths, strict=True):
        x, y = path[-1]
        turn = math.radians(angle)
        path.append((x + length * math.sin(turn), y - length * math.cos(turn)))
    return path


def draw_leg(p, hip, angles, colour):
    "A leg in trousers, and its boot, which stands on its toes if the shin lies flat."
    path = limb(hip, angles, LEG)
    p.line(path, 0.24, colour, round_ends=True)
    x, y = path[-1]
    lies_flat = angles[1] < -60
    toe = (x + 0.02, y - 0.12) if lies_flat else (x + 0.17, y)
    p.line([(x - 0.03, y), toe], 0.19, BOOT, round_ends=True)


def draw_arm(p, shoulder, angles, colour, skin):
    "Returns where the hand is."
    path = limb(shoulder, angles, ARM)
    p.line(path, 0.17, colour, round_ends=True)
    _, elbow, hand = path
    band = [between(elbow, hand, 0.5), between(elbow, hand, 0.72)]
    p.line(band, 0.17, SILVER, SILVER_AT_NIGHT)
    p.disc(*hand, 0.085, skin)
    return hand


def draw_trunk(p, at, wide, clothes):
    "The vest; `wide` is half the width of the shoulders, `at` leans the trunk."
    slim = wide - 0.08
    outline = [
        (-0.2, -0.06),
        (0.2, -0.06),
        (wide, 0.6),
        (slim, 0.68),
        (-slim, 0.68),
        (-wide, 0.6),
    ]
    vest = clothes["vest"]
    p.poly([at(u, v) for u, v in outline], vest, shade(vest, 0.12))
    p.draw(BANDS, clothes, at)


def draw_head(p, neck, centre, clothes):
    "`centre` is the middle of the head."
    helmet = clothes["helmet"]
    at = placed(centre)
    p.line([neck, centre], 0.14, shade(clothes["skin"], 0.8))
    p.draw(FACE, clothes, at)
    dome = []
    for step in range(13):
        angle = step / 12 * math.pi
        dome.append(at(0.19 * math.cos(angle), 0.04 + 0.2 * math.sin(angle)))
    p.poly(dome, helmet, shade(helmet, 0.1))
    p.draw(HELMET, clothes, at)


def draw_tool(p, pose, hip, near_hand, far_hand):
    "What the hands hold, which is no part of the worker."
    if pose == "dig":
        x, _ = near_hand
        grip = (far_hand[0] - 0.2, far_hand[1] + 0.45)
        p.line([grip, (x + 0.28, 0.16)], 0.05, "#966e40")
        p.draw(SPADE, at=shift(x, 0))
    elif pose == "carry":
        p.draw(PLANK, at=shift(0, hip))
    elif pose == "read":
        p.draw(PAPER, at=placed(near_hand))


def worker(rng, scale, flip, pose=None):
    "In any of the poses, if none is named."
    pose = pose or rng.choice(list(ANGLES))
    clothes = dress(rng)
    near_leg, far_leg, near_arm, far_arm, lean = ANGLES[pose]
    lowest = min(limb((0, 0), leg, LEG)[-1][1] for leg in (near_leg, far_leg))
    hip = 0.5 if pose == "kneel" else 0.1 - lowest
    turn = math.radians(lean)
    at = placed((0, hip), math.cos(turn), -math.sin(turn))
    wide = 0.27 if pose in FACING_US else 0.23
    trousers, sleeve, skin = (clothes[name] for name in ("trousers", "sleeve", "skin"))

    p = Pen("-1.5,-0.1 1.5,2.5", scale, flip)
    draw_leg(p, (-0.09, hip), far_leg, shade(trousers, 0.72))
    draw_leg(p, (0.09, hip), near_leg, trousers)
    far_hand = draw_arm(p, at(0.02 - wide, 0.56), far_arm, shade(sleeve, 0.8), skin)
    draw_trunk(p, at, wide, clothes)
    draw_head(p, at(0, 0.64), at(0.03, 0.86), clothes)
    near_hand = draw_arm(p, at(wide - 0.02, 0.56), near_arm, sleeve, skin)
    p.owned = False
    draw_tool(p, pose, hip, near_hand, far_hand)
    return p.finish()
