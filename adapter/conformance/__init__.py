"""Is this server an Ollama? Statements about its API, and the code that puts them to any server."""
