"""An OpenAI-compatible embedding server over small local models."""
