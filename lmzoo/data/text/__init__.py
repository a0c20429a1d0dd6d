"""Text rules: cleaning, documents, duplicates."""
