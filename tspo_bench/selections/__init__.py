"""Frame selections as files: our own form, and those that papers publish."""

from tspo_bench.selections.export import SHAPES, write_selections
from tspo_bench.selections.picked import Picked, SelectionFile
from tspo_bench.selections.read import read_selections

__all__ = ["SHAPES", "Picked", "SelectionFile", "read_selections", "write_selections"]
