"""Layers as PyTorch names them, and how they become a graph."""
