"""Seven kinds of site: what stands where. A range is (from, to), sizes are pixels a metre."""

from buildings import DECK, SCAFFOLD_BAY, SCAFFOLD_BAYS

CLUTTER = ["bricks", "pipes", "container", "toilet", "pile", "cone", "cone", "barrier"]
MACHINES = ["excavator", "excavator", "truck"]
TRUCK_FIRST = ["truck", "excavator", "excavator"]
ON_A_SCAFFOLD = ["stand", "point", "read", "walk", "signal"]


def add_clutter(scene, count, ppm):
    scene.scatter(CLUTTER, count, ppm, (0, 1))


def add_lamps(scene, ppm):
    count = 2 if scene.mood.night else scene.rng.choice([0, 0, 1])
    scene.scatter("lamp", count, ppm, (0.1, 0.9))


def add_cranes(scene, places, ppm):
    "Cranes whose jibs reach into the picture."
    for x in places:
        size = scene.rng.uniform(*ppm) * scene.height / 288
        scene.add("crane", x, size, flip=x > 0.5)


def overview(scene):
    "The whole site from a platform."
    rng = scene.rng
    add_cranes(scene, scene.spread(rng.choice([1, 1, 2])), (3.2, 4.6))
    scene.place("frame", (5, 7), (-0.05, 0.7), chance=0.8)
    machines = ["excavator", "truck", rng.choice(MACHINES)]
    if not scene.chance(0.7):
        machines.pop()
    for machine, x in zip(machines, scene.spread(len(machines)), strict=True):
        scene.add(machine, x, rng.uniform(11, 20))
    scene.scatter("worker", rng.randint(2, 4), (22, 40), (0.05, 0.95))
    add_clutter(scene, rng.randint(1, 3), (9, 18))
    add_lamps(scene, (10, 18))


def crew(scene):
    "People close by, machines behind."
    rng = scene.rng
    scene.place("crane", (4, 6), chance=0.8)
    scene.place("frame", (7, 9), (-0.1, 0.6), chance=0.6)
    scene.place(MACHINES, (15, 26), (0.15, 0.85), chance=0.8)
    for x in scene.spread(rng.randint(3, 5), (0.06, 0.94)):
        far_and_near = [rng.uniform(34, 56), rng.uniform(56, 84)]
        scene.add("worker", x, rng.choice(far_and_near))
    scene.place(["fence", "netting", "bricks"], (50, 62), (0.2, 0.8), chance=0.6)
    add_clutter(scene, 2, (14, 30))
    add_lamps(scene, (20, 34))


def loading(scene):
    "An excavator fills a truck; the two overlap."
    rng = scene.rng
    ppm = rng.uniform(15, 21) * scene.width / 384
    right = scene.chance(0.5)
    x = rng.uniform(0.22, 0.34)
    to_excavator = 7.2 * ppm / scene.width
    if right:
        x = 1 - x
        to_excavator = -to_excavator
    scene.place("crane", (3.4, 5), chance=0.6)
    before_or_behind = rng.choice([-9, 6])
    scene.add("truck", x, ppm * 1.02, order=before_or_behind, flip=not right, tipped=False)
    scene.add("excavator", x + to_excavator, ppm, flip=not right)
    scene.add("pile", rng.uniform(0.05, 0.95), ppm * rng.uniform(0.6, 0.9))
    scene.add("pile", rng.uniform(0, 1), ppm * 1.5)
    scene.scatter("worker", rng.randint(1, 3), (24, 44))
    if scene.chance(0.3):
        scene.add("netting", rng.uniform(0.2, 0.8), 36)
    add_clutter(scene, 1, (9, 16))
    add_lamps(scene, (12, 20))


def skyline(scene):
    "Cranes over a growing building."
    rng = scene.rng
    x = rng.uniform(-0.1, 0.15)
    ppm = rng.uniform(5.5, 7.5)
    scene.add("frame", x, ppm, bays=rng.randint(3, 5))
    scene.place("frame", (4.5, 6), (0.55, 0.7), chance=0.6)
    add_cranes(scene, scene.spread(rng.choice([2, 2, 3]), (0.06, 0.94)), (4.4, 6.2))
    scene.scatter(TRUCK_FIRST, rng.choice([1, 2]), (11, 17))
    scene.scatter("worker", rng.randint(1, 3), (22, 34))
    add_clutter(scene, 2, (9, 16))
    add_lamps(scene, (9, 14))


def add_people_on_scaffold(scene, left, ppm):
    "`left` is where the scaffold begins."
    rng = scene.rng
    spots = [(bay, level) for bay in range(SCAFFOLD_BAYS) for level in (1, 2)]
    for bay, level in rng.sample(spots, rng.randint(2, 4)):
        metres = (bay + rng.uniform(0.3, 0.7)) * SCAFFOLD_BAY
        x = left + metres * ppm / scene.width
        pose = rng.choice(ON_A_SCAFFOLD)
        scene.add("worker", x, ppm, up=level * DECK + 0.1, order=0.1, pose=pose)


def facade(scene):
    "People on a scaffold."
    rng = scene.rng
    ppm = rng.uniform(21, 26) * scene.height / 288
    left = scene.chance(0.5)
    x = 0.03 if left else 0.36
    scene.add("crane", 0.85 if left else 0.15, rng.uniform(4.4, 6), flip=left)
    scene.add("scaffold", x, ppm)
    add_people_on_scaffold(scene, x, ppm)
    scene.add("rails", x, ppm, order=0.2)
    machine = rng.choice(TRUCK_FIRST)
    scene.add(machine, 0.82 if left else 0.2, rng.uniform(12, 18))
    scene.scatter("worker", rng.randint(1, 2), (30, 44))
    add_clutter(scene, 1, (12, 28))
    add_lamps(scene, (18, 26))


def haul(scene):
    "Trucks on the haul road, near and far."
    rng = scene.rng
    sizes = [rng.uniform(9, 11), rng.uniform(14, 17), rng.uniform(21, 27)]
    for ppm, x in zip(sizes, scene.spread(3, (0.1, 0.9)), strict=True):
        scene.add("truck", x, ppm)
    scene.place("crane", (3.2, 5), chance=0.7)
    scene.place("excavator", (11, 17))
    scene.scatter("worker", rng.randint(1, 3), (26, 46))
    scene.place("barrier", (22, 34), (0, 0.6))
    add_clutter(scene, 2, (8, 14))
    add_lamps(scene, (10, 16))


def empty(scene):
    "Sunday: nobody there, nothing to label."
    scene.place("frame", (5, 8), (-0.1, 0.5))
    scene.place("scaffold", (13, 18), (0.4, 0.6), chance=0.5)
    add_clutter(scene, 5, (9, 26))
    scene.add("fence", 0.5, scene.rng.uniform(26, 40))
    add_lamps(scene, (12, 20))


SITES = {  # who places the things, where the horizon is, height of the camera
    "overview": (overview, 0.36, 4.2),
    "crew": (crew, 0.40, 2.3),
    "loading": (loading, 0.38, 3.8),
    "skyline": (skyline, 0.62, 2.6),
    "facade": (facade, 0.50, 3.6),
    "haul": (haul, 0.36, 4.6),
    "empty": (empty, 0.42, 3.6),
}
