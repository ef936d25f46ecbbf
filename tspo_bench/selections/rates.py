"""True frame rates from what annotations and frame numbers say of them."""

from __future__ import annotations

from collections.abc import Iterable

# Rates whose films mostly run a thousandth slower: 29.97 is 30000/1001. Twelve and fifteen a second
# are those of web videos.
_NOMINAL = (12, 15, 24, 30, 48, 60, 120)
# A stride of 11 or 14 may be the true rate of a film as well as the floor of 11.99 or 14.99.
_LEAST_ALONE = 24
_FLOORS = {n - 1: n for n in _NOMINAL if n >= _LEAST_ALONE}
_MULTIPLES = (1, 2, 3)


def ntsc(nominal: int) -> float:
    """The true rate of films called `nominal` frames a second: 30 is 30000/1001."""
    return nominal * 1000 / 1001


def stated_rate(value: float) -> float:
    """The true rate behind a rounded one: 29.97, 29.970 and 29 are 30000/1001, 30 is 30."""
    if value in _FLOORS:
        return ntsc(_FLOORS[int(value)])
    return next((ntsc(n) for n in _NOMINAL if abs(value - ntsc(n)) < 0.0075), value)


def rate_of_strides(strides: Iterable[int]) -> float | None:
    """A film's rate from the strides of selections made of it, one a file; None without any.

    Published selections count candidates at 1 fps in the film's own frames, with a stride that is
    the true rate's floor (AKS) or the nearest whole number (TSPO): 29 is 29.97, and so are 29 and
    30 together. 30 alone may be either, and is taken for 30.

    Args:
        strides: the greatest common divisors of the frame numbers. One may be a multiple of the
            stride, where a file lists few frames.
    """
    known = sorted(set(strides))
    if not known:
        return None
    known = sorted({_stride(one) for one in known})
    known = [one for one in known if one < 1.5 * known[0]]  # the others are multiples
    lowest, highest = known[0], known[-1]
    if highest - lowest == 1 and highest in _NOMINAL:
        return ntsc(highest)
    return ntsc(_FLOORS[highest]) if highest in _FLOORS else float(highest)


def _stride(divisor: int) -> int:
    """A divisor, or the stride that it is a multiple of: no film has 58 frames a second."""
    return next((divisor // n for n in _MULTIPLES if divisor in {f * n for f in _FLOORS}), divisor)
