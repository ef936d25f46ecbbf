"""Annotations into questions; prompts; reading of answers."""
