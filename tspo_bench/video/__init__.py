"""Files into frames: probe, streaming candidate scan, random access."""
