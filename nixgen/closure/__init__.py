"""Closures: what refers to what, why it is there, and what its absence would save."""
