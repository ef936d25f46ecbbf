"""Published figures, and what benchmarks want submitted."""
