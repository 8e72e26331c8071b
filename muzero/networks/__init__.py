"""The networks of MuZero: encoder, representation h, dynamics g, prediction f, and a frozen copy for inference."""
