"""The command line: flags, presets, the plan, the live screen."""

import time

STARTED = time.monotonic()
"""When the command began, in seconds on the monotonic clock: this runs before anything heavy is imported."""
