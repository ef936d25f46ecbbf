"""Scripts that measure: speed, memory, and what the shipped models can do."""
