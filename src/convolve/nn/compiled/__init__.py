"""Networks as compiled jobs: start reading in `compiled`; `lowering` says what becomes of each operation."""
