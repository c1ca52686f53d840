"""The statistics on arrays and on frames, for notebooks."""
