"""The light a picture is taken in."""

from dataclasses import dataclass


@dataclass
class Mood:
    "Colours are '#rrggbb'."

    top: str  # the sky overhead
    low: str  # the sky at the horizon
    haze: str  # what far things fade to
    fog: float  # how soon they do
    light: tuple[float, float, float]  # factors on red, green and blue of the whole picture
    shadow: float  # how dark shadows are, 0..1
    sun: str | None = None  # the disc of the sun or the moon, if it can be seen
    sun_at: float = 0.2  # where that stands: 0 is the top of the picture, 1 the horizon
    clouds: float = 0.5  # how white they are
    lamps: float = 0.0  # how strongly lamps and lit windows shine
    grain: float = 2.4  # noise of the camera, in grey levels
    night: bool = False


MOODS = {
    "day": Mood(
        top="#5492d6",
        low="#cee2f0",
        haze="#c6d8e8",
        fog=0.022,
        light=(1.04, 1.02, 0.97),
        shadow=0.42,
        sun="#fffae2",
    ),
    "morning": Mood(
        top="#78aade",
        low="#fae8c8",
        haze="#ece2d0",
        fog=0.04,
        light=(1.06, 1.0, 0.9),
        shadow=0.38,
        sun="#fffae2",
    ),
    "overcast": Mood(
        top="#a0aab4",
        low="#d6dadc",
        haze="#c8cdd0",
        fog=0.035,
        light=(0.92, 0.95, 0.98),
        shadow=0.16,
    ),
    "dusk": Mood(
        top="#3e3870",
        low="#fa9e58",
        haze="#de9c78",
        fog=0.04,
        light=(1.0, 0.83, 0.78),
        shadow=0.34,
        sun="#ffe2a0",
        sun_at=0.74,
        lamps=0.55,
    ),
    "haze": Mood(
        top="#d0cec4",
        low="#e2ded0",
        haze="#dedacc",
        fog=0.085,
        light=(1.0, 0.99, 0.95),
        shadow=0.14,
    ),
    "night": Mood(
        top="#0a0e24",
        low="#2c3254",
        haze="#282e4c",
        fog=0.03,
        light=(0.40, 0.44, 0.60),
        shadow=0.0,
        sun="#e2e4dc",
        clouds=0.04,
        lamps=1.0,
        grain=3.2,
        night=True,
    ),
}
