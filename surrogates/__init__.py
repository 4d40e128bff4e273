"""Learns outcomes from measured and simulated data: Gaussian processes around the physics, baselines, calibration, validation."""
