"""Names for arrays and for the words that settings and records may hold."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Features = NDArray[np.float32]
Pixels = NDArray[np.uint8]
JSON = str | int | float | bool | None | list["JSON"] | dict[str, "JSON"]

Need = Literal["probe", "features", "lazy_scores", "pixels", "evidence"]
SEARCHING: frozenset[Need] = frozenset({"features", "lazy_scores"})  # what takes an encoder
Status = Literal["ok", "unparsed", "decode_error", "sampler_error", "model_error"]
AnswerMode = Literal["generate", "options"]
SubtitleMode = Literal["none", "aligned", "full"]
CandidateRule = Literal["auto", "stride", "time", "keyframe"]
