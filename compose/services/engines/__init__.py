"""The engines that are asked over HTTP, and the embedder that needs none."""
