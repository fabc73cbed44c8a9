"""The benchmark: the standard set of shapes against every peer that is installed; run by scripts/bench."""
