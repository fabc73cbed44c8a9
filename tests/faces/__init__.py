"""Faces: found, cut out, embedded, compared."""
