"""Helpers of the end-to-end tests: an independent client of the bus. Nothing here shares code with the product."""
