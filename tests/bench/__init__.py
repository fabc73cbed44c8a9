"""Tests of the benchmark's arithmetic; nothing here judges a time."""
