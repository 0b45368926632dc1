"""`make ask Q="…"`: a question to `chatqna:latest`, as any Ollama client would put it.

The answer comes in parts as the model writes it. It ends in a list of what it was made from.
"""

import sys

import httpx
import ollama


def main(question: str) -> str:
    """Prints the answer. What is returned went wrong, in a sentence."""
    if not question.strip():
        return 'error: ask what? make ask Q="..."'
    messages = [{"role": "user", "content": question}]
    try:
        for part in ollama.chat(model="chatqna:latest", messages=messages, stream=True):
            print(part.message.content, end="", flush=True)
    except httpx.ConnectError:
        return "error: nobody listens there: is make serve DOCS=folder ready, and OLLAMA_HOST its?"
    except (httpx.TransportError, ollama.ResponseError) as error:
        return f"error: {error}"
    print()
    return ""


if __name__ == "__main__":
    try:
        sys.exit(main(" ".join(sys.argv[1:])) or 0)
    except KeyboardInterrupt:
        sys.exit(130)
