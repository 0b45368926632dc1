"""A ChatQnA of OPEA's own parts: `python opea_mega.py --port P --engines P`, in its environment.

Runs where `opea-comps` is installed (tests/services/load/opea.py), and imports nothing of this
project. The graph is that of OPEA's example, embedding → retriever → reranker → LLM, written anew
from the package's public classes: what it costs to run a graph is theirs, what stands here only
turns one engine's answer into the next one's question, as every definition of a mega service has
to. Its defaults are OPEA's: four passages are looked for, and the best one is shown.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

from comps import MegaServiceEndpoint, MicroService, ServiceOrchestrator, ServiceType
from comps.cores.proto.api_protocol import ChatCompletionRequest
from comps.cores.proto.docarray import LLMParams
from fastapi import Request
from fastapi.responses import StreamingResponse

FOUND, SHOWN = 4, 1
"""Passages: OPEA's `k` and `top_n`."""
NODES = (
    ("embedding", ServiceType.EMBEDDING, "/v1/embeddings"),
    ("retriever", ServiceType.RETRIEVER, "/v1/retrieval"),
    ("rerank", ServiceType.RERANK, "/v1/rerank"),
    ("llm", ServiceType.LLM, "/v1/chat/completions"),
)


class ChatQnA(ServiceOrchestrator):
    """What goes to each engine, and what is kept of its answer."""

    def __init__(self, engines: int) -> None:
        super().__init__()
        before = None
        for name, kind, path in NODES:
            node = MicroService(
                name=name,
                host="127.0.0.1",
                port=engines,
                endpoint=path,
                use_remote_service=True,
                service_type=kind,
            )
            self.add(node)
            if before is not None:
                self.flow_to(before, node)
            before = node

    def align_inputs(
        self, inputs: Any, node: str, graph: Any, wanted: dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        match self.services[node].service_type:
            case ServiceType.EMBEDDING:
                return {"model": "embed", "input": inputs["text"]}
            case ServiceType.RETRIEVER:
                return {**inputs, "k": FOUND}
            case ServiceType.RERANK:
                return {"model": "rank", "query": more["question"], "documents": inputs["texts"]}
            case _:
                prompt = f"{inputs['context']}\n\nQuestion: {more['question']}"
                own = ("max_tokens", "top_p", "temperature", "frequency_penalty", "stream")
                asked = {key: wanted[key] for key in own}
                return {
                    "model": "chat",
                    "messages": [{"role": "user", "content": prompt}],
                    **asked,
                }

    def align_outputs(
        self, data: Any, node: str, inputs: Any, graph: Any, wanted: dict[str, Any], **more: Any
    ) -> Any:
        match self.services[node].service_type:
            case ServiceType.EMBEDDING:
                return {"text": inputs["input"], "embedding": data["data"][0]["embedding"]}
            case ServiceType.RETRIEVER:
                return {"texts": [one["text"] for one in data["retrieved_docs"]]}
            case ServiceType.RERANK:
                best = sorted(data["results"], key=lambda row: -row["relevance_score"])[:SHOWN]
                return {"context": "\n".join(inputs["documents"][row["index"]] for row in best)}
            case _:
                return data

    def align_generator(self, chunks: Iterator[bytes], **more: Any) -> Iterator[str]:
        """The engine's events → OPEA's: a token is Python's repr of its bytes."""
        for chunk in chunks:
            for line in chunk.decode().splitlines():
                payload = line.removeprefix("data: ")
                if line == payload or payload == "[DONE]":
                    continue
                choices = json.loads(payload)["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    yield f"data: {text.encode()!r}\n\n"
        yield "data: [DONE]\n\n"


def serve(port: int, engines: int) -> None:
    graph = ChatQnA(engines)

    async def answer(request: Request) -> Any:
        asked = ChatCompletionRequest.model_validate(await request.json())
        question = asked.messages[-1]["content"]
        wanted = LLMParams(max_tokens=asked.max_tokens, stream=asked.stream)
        results, _ = await graph.schedule({"text": question}, wanted, question=question)
        streams = [one for one in results.values() if isinstance(one, StreamingResponse)]
        return streams[0] if streams else results["llm/MicroService"]

    service = MicroService(
        name="chatqna", host="127.0.0.1", port=port, endpoint=str(MegaServiceEndpoint.CHAT_QNA)
    )
    service.add_route(service.endpoint, answer, methods=["POST"])
    service.start()


def main() -> None:
    parser = argparse.ArgumentParser(description="OPEA's mega service before given engines")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--engines", type=int, required=True, help="the port of all of them")
    chosen = parser.parse_args()
    serve(chosen.port, chosen.engines)


if __name__ == "__main__":
    main()
