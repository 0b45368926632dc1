"""Pure: texts, scores, prompts and formats. No sockets, clocks or files."""
