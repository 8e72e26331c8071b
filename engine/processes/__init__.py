"""The roles of a run, one file a process, one `run` each."""
