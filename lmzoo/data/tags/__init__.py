"""Tags of words: the schemes that mark spans, pieces of words, ids of words and tags."""
