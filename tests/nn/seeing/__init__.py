"""Tests of what shows a network: grids, Grad-CAM, curves."""
