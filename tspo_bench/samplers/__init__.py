"""Vectors and a query into frame indices: one algorithm a module."""
