"""ollama 0.4.4, which sends the same steps as 0.3.0 in its own form, and langchain_ollama 0.2.0."""

import asyncio

import record_ollama_python_03 as plain
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_ollama import ChatOllama, OllamaEmbeddings, OllamaLLM
from ollama import Client
from stepping import host, steps

HOST = host()
llm = OllamaLLM(model="tiny", base_url=HOST, temperature=0.7)
model = ChatOllama(model="tiny", base_url=HOST, temperature=0.1)
embedder = OllamaEmbeddings(model="nomic-embed-text", base_url=HOST)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def chat_schema():
    Client(host=HOST).chat("tiny", plain.TURNS, format=SCHEMA)


def langchain_generate():
    llm.invoke("When do cats eat?")


def langchain_generate_streamed():
    list(llm.stream("When do cats eat?", stop=["END"]))


def langchain_chat():
    model.invoke([SystemMessage("Be short."), HumanMessage("When do cats eat?")])


def langchain_chat_streamed():
    list(model.stream("When do cats eat?"))


def langchain_chat_async():
    asyncio.run(model.ainvoke("When do cats eat?"))


def langchain_tools():
    model.bind_tools([plain.TOOL]).invoke("Weather in Paris?")


def langchain_unknown():
    ChatOllama(model="nope", base_url=HOST).invoke("hi")


def langchain_embed_documents():
    embedder.embed_documents(["Cats sleep all day.", "Dogs bark at night."])


def langchain_embed_query():
    embedder.embed_query("When do cats eat?")


steps(
    *(plain.tags, plain.show, plain.ps, plain.pull, plain.pull_streamed),
    *(plain.chat, plain.chat_streamed, plain.chat_tools, plain.chat_picture, plain.chat_json),
    *(chat_schema, plain.chat_slow, plain.chat_broken, plain.chat_unknown),
    *(plain.generate, plain.generate_streamed, plain.generate_picture, plain.generate_unknown),
    *(plain.embeddings, plain.embed, plain.embed_one, plain.embed_unknown),
    *(langchain_generate, langchain_generate_streamed, langchain_chat, langchain_chat_streamed),
    *(langchain_chat_async, langchain_tools, langchain_unknown),
    *(langchain_embed_documents, langchain_embed_query),
)
