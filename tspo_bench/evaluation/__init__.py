"""Composes sampler x MLLM x task x frame budget into records on disk."""
