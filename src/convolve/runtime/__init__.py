"""All effects of the engine: the machine it runs on, machine code, the disk cache, threads and calls."""
