"""One file a task: from a corpus to its batches. No task imports another."""
