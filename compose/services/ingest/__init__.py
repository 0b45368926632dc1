"""From a file to passages with vectors in the store."""
