"""langchain_community 0.3.0: `Ollama`, `ChatOllama`, `OllamaEmbeddings` in applications."""

import asyncio

from langchain_community.chat_models import ChatOllama
from langchain_community.embeddings import OllamaEmbeddings
from langchain_community.llms import Ollama
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from stepping import host, steps

HOST = host()
PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC"
)
llm = Ollama(model="tiny", base_url=HOST, temperature=0.7)
chat = ChatOllama(model="tiny", base_url=HOST, temperature=0.1)
embedder = OllamaEmbeddings(model="nomic-embed-text", base_url=HOST)


def generate():
    llm.invoke("When do cats eat?")


def generate_streamed():
    list(llm.stream("When do cats eat?"))


def generate_async():
    asyncio.run(llm.ainvoke("When do cats eat?"))


def generate_stop():
    llm.invoke("When do cats eat?", stop=["\n", "END"])


def generate_every_parameter():
    every = {
        "mirostat": 1,
        "mirostat_eta": 0.1,
        "mirostat_tau": 5.0,
        "num_ctx": 2048,
        "num_gpu": 1,
        "num_thread": 4,
        "num_predict": 8,
        "repeat_last_n": 64,
        "repeat_penalty": 1.1,
        "tfs_z": 1.0,
        "top_k": 40,
        "top_p": 0.9,
    }
    model = Ollama(model="tiny", base_url=HOST, system="Be short.", keep_alive="10m", **every)
    model.invoke("When do cats eat?")


def generate_json():
    Ollama(model="tiny", base_url=HOST, format="json").invoke("When do cats eat? In JSON.")


def generate_picture():
    llm.bind(images=[PICTURE]).invoke("What is it?")


def generate_unknown():
    Ollama(model="nope", base_url=HOST).invoke("When do cats eat?")


def generate_broken():
    llm.invoke("MIDERR")


def generate_slow():
    llm.invoke("SLOW")


def chat_invoke():
    chat.invoke([SystemMessage("Be short."), HumanMessage("When do cats eat?")])


def chat_history():
    turns = [HumanMessage("hi"), AIMessage("Hello."), HumanMessage("When do cats eat?")]
    list(chat.stream(turns))


def chat_async():
    asyncio.run(chat.ainvoke("When do cats eat?"))


def chat_picture():
    url = {"type": "image_url", "image_url": f"data:image/png;base64,{PICTURE}"}
    chat.invoke([HumanMessage([{"type": "text", "text": "What is it?"}, url])])


def chat_unknown():
    """Streamed, it falls back to /api/generate when /api/chat is 404."""
    list(ChatOllama(model="nope", base_url=HOST).stream("hi"))


def chat_slow():
    list(chat.stream("SLOW"))


def embed_documents():
    embedder.embed_documents(["Cats sleep all day.", "Dogs bark at night."])


def embed_query():
    embedder.embed_query("When do cats eat?")


def embed_own_prefixes():
    own = {"embed_instruction": "search_document: ", "query_instruction": "search_query: "}
    OllamaEmbeddings(model="nomic-embed-text", base_url=HOST, num_ctx=512, **own).embed_query(
        "cats"
    )


def embed_unknown():
    OllamaEmbeddings(model="nope", base_url=HOST).embed_query("cats")


steps(
    *(generate, generate_streamed, generate_async, generate_stop, generate_every_parameter),
    *(generate_json, generate_picture, generate_unknown, generate_broken, generate_slow),
    *(chat_invoke, chat_history, chat_async, chat_picture, chat_unknown, chat_slow),
    *(embed_documents, embed_query, embed_own_prefixes, embed_unknown),
)
