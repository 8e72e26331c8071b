"""What the project claims to learn, measured: the claims, how one is measured again, how results are shown. Not part of the engine."""
