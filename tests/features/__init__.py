"""Blobs, templates and vessels: against peers, and on scenes whose truth is known."""
