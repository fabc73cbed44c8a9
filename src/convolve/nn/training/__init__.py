"""Training: losses, optimisers, schedules, data, the loop, checkpoints."""
