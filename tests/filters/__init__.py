"""Tests of convolve.filters."""
