"""(what to specialise to) -> loop nest: one file per method, and the packing that they share."""
