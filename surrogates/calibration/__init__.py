"""Calibration of the closed form to every usable row of the literature at once."""
