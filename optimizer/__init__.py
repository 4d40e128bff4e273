"""Decides which recipe to make next, and is the product: campaign, strategies, suggestions, checks, command line."""
