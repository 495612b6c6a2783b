"""The chaos harness: a seeded load, faults, quiescence, and a checker that shares no code with the product."""
