"""Statistics and tables over results; reads results only."""
