"""Published answers, of other harnesses and of papers, as runs."""

from tspo_bench.imports.run import Imported, import_answers

__all__ = ["Imported", "import_answers"]
