"""Data only: campaigns, studies, priors, the literature table and the shipped calibration."""
