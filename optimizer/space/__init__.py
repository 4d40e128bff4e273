"""Campaigns in a design space of the lab's own, without physics: any parameters, categories, mixtures, constraints and outcomes."""
