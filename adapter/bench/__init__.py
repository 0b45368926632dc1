"""`ollama-vllm bench`: how fast a server streams chats, and what it adds to the engine alone."""
