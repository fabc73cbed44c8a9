"""Bugs seeded on purpose, to prove that the tests can fail."""
