"""Slow textbook versions of the statistical kernels, and the stored answers of R."""
