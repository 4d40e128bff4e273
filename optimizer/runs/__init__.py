"""Runs: a campaign's recipes evaluated by simulation, thousands at a time, in a store that survives anything. Starts no lab work."""
