"""The command line: `glittercake`. Parsing and printing only; each command calls one function of the optimizer."""

from optimizer.cli.app import app, main

__all__ = ["app", "main"]
