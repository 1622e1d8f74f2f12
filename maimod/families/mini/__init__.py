"""The mini family: a small network that counts time in ticks of the beat."""
