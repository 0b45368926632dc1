"""Where documents, their passages and vectors are kept."""
