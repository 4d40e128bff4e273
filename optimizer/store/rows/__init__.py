"""What is written and read in a transaction, record by record. For the store alone; callers use `optimizer.store`."""
