"""Frame selections as files: our own form, and those that papers publish."""

from tspo_bench.selections.export import SHAPES, write_selections
from tspo_bench.selections.file_selection import FileSelection, SelectionFile
from tspo_bench.selections.read import read_selections

__all__ = ["SHAPES", "FileSelection", "SelectionFile", "read_selections", "write_selections"]
