"""Models that know how far to trust the physics: with parameters shared by all outcomes, without any, and their average."""
