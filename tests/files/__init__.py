"""Tests of convolve.files."""
