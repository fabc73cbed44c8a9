"""The examples run, each in a small version."""
