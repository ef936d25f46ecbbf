"""How fast each stage is, beside the ways that it replaces: `make bench`."""
