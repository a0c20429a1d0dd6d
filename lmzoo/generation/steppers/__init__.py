"""One interface to every model: its cache, its compiled functions, or recomputation."""
