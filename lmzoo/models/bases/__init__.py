"""The classes that the builders return."""
