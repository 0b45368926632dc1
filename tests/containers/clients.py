"""Programs that are run beside the daemon, where the published ports are."""

STREAMED_CHAT = """
import sys
from ollama import Client
client = Client(host=sys.argv[1])
model = client.list().models[0].model
words = [chunk.message.content for chunk in client.chat(model, [
    {"role": "user", "content": "hello"}], stream=True, options={"num_predict": 16})]
print(model, len(words), repr("".join(words)))
"""
"""ollama-python at the URL given: the model, how many chunks, and the text."""

RETRYING_CHAT = """
import sys, time
from ollama import Client
deadline = time.monotonic() + 20
while True:
    try:
        chunks = list(Client(host=sys.argv[1]).chat(sys.argv[2], [
            {"role": "user", "content": "hello"}], stream=True))
        break
    except Exception as error:
        if time.monotonic() > deadline:
            raise
        print("once more after:", error)
        time.sleep(0.2)
print("done" if chunks[-1].done else "not done", len(chunks))
"""
"""A client that tries again while it is refused, at most for 20 seconds."""

SEEN = """
import sys
from ollama import Client
client = Client(host=sys.argv[1])
image = b"\\x89PNG\\r\\n\\x1a\\n" + bytes(32)
answer = client.chat(sys.argv[2], [{"role": "user", "content": "What is it?", "images": [image]}])
print(answer.message.content)
print(client.embed(sys.argv[3], "hello").embeddings)
"""
"""An image described by the model named second, and a vector of the third."""
