"""From ids to batches: token stores, packing, padded widths, orders, one batcher for all tasks."""
