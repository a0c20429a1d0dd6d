"""Functions from a Dataset of batches to another: noise, weights of classes."""
