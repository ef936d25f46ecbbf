"""The language of the built-in task's questions: how each question type can be worded.

A wording is a sentence that holds a relation ("right after the dog"), perhaps behind an opening
phrase. Half of the opening phrases hold words of relations without the relation ("Before you
answer, look again:"). The splits `train` and `val` are worded with TRAIN, `test` with TEST: none
of its sentences, relations or opening phrases is in TRAIN, but all of its words are.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

OPENED = 1 / 3  # share of the questions that begin with an opening phrase


@dataclass(frozen=True)
class Language:
    """Sentences, relations and opening phrases of one set of wordings.

    In a sentence `{r}` is the relation, `{R}` the relation with a capital letter, `{t}` the
    category asked for; in a relation `{a}` and `{b}` are the objects that the question names.

    Args:
        sentences: of all types but those in `own_sentences`.
        own_sentences: of single types.
        relations: of each type.
        openings: phrases before the sentence.
    """

    sentences: tuple[str, ...]
    own_sentences: Mapping[str, tuple[str, ...]]
    relations: Mapping[str, tuple[str, ...]]
    openings: tuple[str, ...]

    def sentences_of(self, kind: str) -> tuple[str, ...]:
        """The sentences that a type can be asked with."""
        return self.own_sentences.get(kind, self.sentences)

    def wordings(self, kind: str) -> Iterator[str]:
        """Every wording of a type without an opening phrase."""
        for sentence, relation in itertools.product(self.sentences_of(kind), self.relations[kind]):
            yield _joined(sentence, relation)

    def word(self, kind: str, rng: random.Random, target: str, anchors: tuple[str, ...]) -> str:
        """One wording of a question, drawn at random.

        Args:
            kind: the question type.
            rng: source of the choice.
            target: the category asked for.
            anchors: the objects that the question names, as many as its type has.
        """
        wording = _joined(rng.choice(self.sentences_of(kind)), rng.choice(self.relations[kind]))
        if rng.random() < OPENED:
            wording = f"{rng.choice(self.openings)} {wording[0].lower()}{wording[1:]}"
        return fill(wording, target, anchors)


def fill(wording: str, target: str, anchors: tuple[str, ...]) -> str:
    """A wording with the category and the objects in their places."""
    return wording.format(t=target, **dict(zip("ab", anchors, strict=False)))


def _joined(sentence: str, relation: str) -> str:
    capital = relation[:1].upper() + relation[1:]
    text = sentence.replace("{r}", relation).replace("{R}", capital)
    return text.replace(" ?", "?")  # a relation may be empty


TRAIN = Language(
    sentences=(
        "Which {t} appears {r}?",
        "Which {t} is shown {r}?",
        "What {t} can be seen {r}?",
        "Can you say which {t} comes {r}?",
        "{R}, which {t} is there?",
        "{R}, what {t} appears?",
    ),
    own_sentences={
        "count": (
            "In how many scenes does the {a} appear {r}?",
            "How many scenes show the {a} {r}?",
            "How many times does the {a} appear {r}?",
            "How often is the {a} shown {r}?",
            "What is the number of scenes with the {a} {r}?",
        )
    },
    relations={
        "with": (
            "together with the {a}",
            "beside the {a}",
            "next to the {a}",
            "in the same scene as the {a}",
            "along with the {a}",
            "at the same time as the {a}",
            "while the {a} is there",
            "in one scene with the {a}",
        ),
        "after": (
            "right after the {a}",
            "just after the {a}",
            "directly after the {a}",
            "immediately after the {a}",
            "in the scene after the {a}",
            "in the next scene after the {a}",
            "in the scene that follows the {a}",
            "once the {a} is gone",
            "as soon as the {a} has left",
        ),
        "before": (
            "right before the {a}",
            "just before the {a}",
            "directly before the {a}",
            "immediately before the {a}",
            "in the scene before the {a}",
            "in the last scene before the {a}",
            "in the scene that precedes the {a}",
            "until the {a} comes",
            "when the {a} is about to arrive",
        ),
        "two-after": (
            "two scenes after the {a}",
            "in the second scene after the {a}",
            "two scenes later than the {a}",
            "one scene after the scene that follows the {a}",
            "with one scene between it and the earlier {a}",
            "two scenes on from the {a}",
            "after the {a} and one more scene",
        ),
        "two-before": (
            "two scenes before the {a}",
            "in the second scene before the {a}",
            "two scenes earlier than the {a}",
            "one scene before the scene that precedes the {a}",
            "with one scene between it and the later {a}",
            "two scenes back from the {a}",
            "before one more scene and the {a}",
        ),
        "between": (
            "between the {a} and the {b}",
            "in the scene between the {a} and the {b}",
            "after the {a} and before the {b}",
            "before the {b} and after the {a}",
            "once the {a} is gone and until the {b} comes",
            "in the one scene from the {a} to the {b}",
            "with the {a} before it and the {b} after it",
            "on the way from the {a} to the {b}",
        ),
        "last-before": (
            "last before the {a}",
            "for the last time before the {a}",
            "as the last one before the {a}",
            "latest of all before the {a}",
            "nearest to the {a}, but before it",
            "closest to the {a} on the way to it",
            "last of all until the {a} arrives",
        ),
        "first-after": (
            "first after the {a}",
            "for the first time after the {a}",
            "as the first one after the {a}",
            "earliest of all after the {a}",
            "nearest to the {a}, but after it",
            "closest to the {a} on the way on from it",
            "first of all once the {a} has left",
        ),
        "second-time": (
            "together with the {a} when it appears for the second time",
            "when the {a} appears for the second time",
            "beside the {a} in the second scene that has it",
            "the second time the {a} is there",
            "when the {a} comes back",
            "next to the {a} when it is shown again",
            "with the {a} at its second time",
        ),
        "opening": (
            "near the beginning of the video",
            "close to the beginning of the video",
            "soon after the video begins",
            "not long after the start of the video",
            "in the first scenes of the video",
            "early in the video",
            "when the video has just begun",
        ),
        "ending": (
            "near the end of the video",
            "close to the end of the video",
            "shortly before the video ends",
            "not long before the finish of the video",
            "in the last scenes of the video",
            "late in the video",
            "when the video is about to end",
        ),
        "first": (
            "first in the video",
            "first of all",
            "before all the others",
            "earlier than the other ones",
            "at the earliest time",
            "as the first of the four",
            "before any other of them",
        ),
        "last": (
            "last in the video",
            "last of all",
            "after all the others",
            "later than the other ones",
            "at the latest time",
            "as the last of the four",
            "after any other of them",
        ),
        "count": (
            "",
            "in the video",
            "from the beginning to the end",
            "in all",
            "before the video ends",
            "after the video begins",
        ),
    },
    openings=(
        "Look closely:",
        "One question:",
        "Think of the whole video:",
        "After watching all of it:",
        "Before you answer, look again:",
        "From the beginning to the end, look closely:",
        "This is the second question, not the last:",
        "Together with the time, think of this:",
        "First of all, look at the scenes:",
        "Between two answers, think again:",
    ),
)

TEST = Language(
    sentences=(
        "Which {t} can be seen {r}?",
        "What {t} comes {r}?",
        "Can you say what {t} appears {r}?",
        "{R}, which {t} is shown?",
    ),
    own_sentences={
        "count": (
            "How many scenes with the {a} can be seen {r}?",
            "What is the number of times the {a} appears {r}?",
            "How often does the {a} appear {r}?",
            "In how many scenes is the {a} shown {r}?",
        )
    },
    relations={
        "with": (
            "in the same scene along with the {a}",
            "right next to the {a}",
            "right beside the {a}",
            "while the {a} is shown",
        ),
        "after": (
            "in the scene right after the {a}",
            "immediately once the {a} has left",
            "in the scene that directly follows the {a}",
            "as soon as the {a} is gone",
        ),
        "before": (
            "in the scene right before the {a}",
            "right until the {a} comes",
            "in the scene that directly precedes the {a}",
            "when the {a} is just about to arrive",
        ),
        "two-after": (
            "in the second scene that follows the {a}",
            "one scene later than the one that follows the {a}",
            "two scenes on, after the {a}",
            "after one more scene that follows the {a}",
        ),
        "two-before": (
            "in the second scene that precedes the {a}",
            "one scene earlier than the one that precedes the {a}",
            "two scenes back, before the {a}",
            "before one more scene that precedes the {a}",
        ),
        "between": (
            "in the time between the {a} and the {b}",
            "after the {a} has left and before the {b} arrives",
            "from the {a} on and until the {b} comes",
            "with the {a} right before it and the {b} right after it",
        ),
        "last-before": (
            "at the latest time before the {a}",
            "closest to the {a}, but before it",
            "as the nearest one before the {a}",
            "last of all before the {a}",
        ),
        "first-after": (
            "at the earliest time after the {a}",
            "closest to the {a}, but after it",
            "as the nearest one after the {a}",
            "first of all after the {a}",
        ),
        "second-time": (
            "the second time that the {a} appears",
            "beside the {a} when it comes back",
            "with the {a} when it is shown again",
            "in the second scene with the {a}",
        ),
        "opening": (
            "close to the start of the video",
            "soon after the beginning of the video",
            "near the start of the video",
            "when the video has begun",
        ),
        "ending": (
            "close to the finish of the video",
            "shortly before the end of the video",
            "near the finish of the video",
            "when the video is just about to end",
        ),
        "first": (
            "as the first of all",
            "earlier than all the others",
            "before the other ones",
            "earlier than any other of them",
        ),
        "last": (
            "as the last of all",
            "later than all the others",
            "after the other ones",
            "later than any other of them",
        ),
        "count": (
            "in the whole video",
            "from the start to the finish",
            "before the end of the video",
            "after the beginning",
        ),
    },
    openings=(
        "Look again:",
        "Think closely:",
        "Before the end, one question:",
        "After the first look, think again:",
        "Last of all, look at the beginning:",
        "This is the time between two scenes:",
    ),
)

QUESTION_TYPES = tuple(TRAIN.relations)
# How many objects each type's questions name.
NUM_ANCHORS = {
    kind: sum(any(mark in text for text in TRAIN.wordings(kind)) for mark in ("{a}", "{b}"))
    for kind in QUESTION_TYPES
}
LANGUAGES = {"train": TRAIN, "test": TEST}
