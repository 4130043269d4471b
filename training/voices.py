"""Who speaks: espeak-ng's voice variants in three sets that share nobody."""

import random
from collections.abc import Sequence

from training.espeak import Manner

#: The untouched test. f3 and m6 also speak in the project's own tests.
TEST = "f3 m6 Annie Michael belinda victor".split()
#: These choose the checkpoint.
CHOOSE = "f4 m2 Denis linda paul".split()
TRAIN = (
    "f1 f2 f5 m1 m3 m4 m5 m7 m8 Alex Alicia Andrea Andy Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Mike "
    "Nguyen adam anika antonio aunty benjamin boris caleb david ed edward edward2 grandma grandpa gustave iven iven2 "
    "iven3 iven4 john kaukovalta klatt klatt2 klatt3 klatt4 marcelo max michel miguel norbert pablo pedro quincy "
    "rob robert sandro shelby steph steph2 steph3 travis zac Storm Tweaky"
).split()
_ACCENTS, _ACCENT_WEIGHTS = ("en-us", "gmw/en", "en-gb-x-rp", "en-us-nyc"), (55, 20, 15, 10)
_SPEEDS, _PITCHES, _THROATS = (125, 205), (20, 80), (0.92, 1.08)


def manner(dice: random.Random, variants: Sequence[str]) -> Manner:
    """One of the variants, with a speed, pitch and throat of its own."""
    return Manner(
        dice.choice(variants),
        dice.choices(_ACCENTS, _ACCENT_WEIGHTS)[0],
        dice.randint(*_SPEEDS),
        dice.randint(*_PITCHES),
        dice.uniform(*_THROATS) if dice.random() < 0.5 else 1.0,
    )
