"""ollama 0.3.0: dictionaries in and out; every key is sent, filled or not."""

import base64

import ollama
from stepping import host, steps

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)
TURNS = [{"role": "user", "content": "When do cats eat?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
client = ollama.Client(host=host())


def tags():
    client.list()


def show():
    client.show("tiny")


def ps():
    client.ps()


def pull():
    client.pull("tiny")


def pull_streamed():
    list(client.pull("tiny", stream=True))


def chat():
    client.chat("tiny", TURNS)


def chat_streamed():
    list(client.chat("tiny", TURNS, stream=True, options={"temperature": 0.3}))


def chat_tools():
    client.chat("tiny", [{"role": "user", "content": "Weather in Paris?"}], tools=[TOOL])


def chat_picture():
    turn = {"role": "user", "content": "What is it?", "images": [PICTURE]}
    client.chat("tiny", [turn], options={"temperature": 0.3, "num_predict": 64})


def chat_json():
    client.chat("tiny", TURNS, format="json")


def chat_slow():
    list(client.chat("tiny", [{"role": "user", "content": "SLOW"}], stream=True))


def chat_broken():
    list(client.chat("tiny", [{"role": "user", "content": "MIDERR"}], stream=True))


def chat_unknown():
    client.chat("nope", TURNS)


def generate():
    client.generate("tiny", "When do cats eat?")


def generate_streamed():
    list(client.generate("tiny", "When do cats eat?", system="Be short.", stream=True))


def generate_picture():
    client.generate("tiny", "What is it?", images=[PICTURE])


def generate_unknown():
    list(client.generate("nope", "When do cats eat?", stream=True))


def embeddings():
    client.embeddings("nomic-embed-text", "When do cats eat?")


def embed():
    client.embed("nomic-embed-text", ["Cats sleep all day.", "Dogs bark at night."])


def embed_one():
    client.embed("nomic-embed-text", "When do cats eat?")


def embed_unknown():
    client.embed("nope", "cats")


if __name__ == "__main__":
    steps(
        *(tags, show, ps, pull, pull_streamed),
        *(chat, chat_streamed, chat_tools, chat_picture, chat_json, chat_slow, chat_broken),
        *(chat_unknown, generate, generate_streamed, generate_picture, generate_unknown),
        *(embeddings, embed, embed_one, embed_unknown),
    )
