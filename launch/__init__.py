"""The command line: flags, presets, the plan, the live screen."""
