// LangChain for JavaScript, which n8n and Flowise are built on. It streams whatever it is asked.
import assert from "node:assert/strict";
import { HumanMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOllama, Ollama, OllamaEmbeddings } from "@langchain/ollama";
import { z } from "zod";
import { PICTURE, collect, failure, host, perform } from "./steps.mjs";

const baseUrl = host;
const once = { maxRetries: 0 };
const model = new ChatOllama({ baseUrl, model: "llama3.1", temperature: 0.1, ...once });
const thinker = new ChatOllama({ baseUrl, model: "deepseek-r1:1.5b", think: true, ...once });
const weather = tool(async ({ city }) => `sunny in ${city}`, {
  name: "get_weather",
  description: "weather",
  schema: z.object({ city: z.string() }),
});

await perform({
  invoke: async () => {
    const reply = await model.invoke("hi");
    assert.equal(reply.content, "Hello <b>");
    assert.equal(reply.usage_metadata.input_tokens, 7);
    assert.equal(reply.usage_metadata.output_tokens, 3);
  },
  stream: async () => {
    const parts = await collect(await model.stream("hi"));
    assert.equal(parts.map((part) => part.content).join(""), "Hello <b>");
  },
  batch: async () => {
    const replies = await model.batch(["a", "b", "c"]);
    assert.deepEqual(replies.map((reply) => reply.content), Array(3).fill("Hello <b>"));
  },
  "a tool and its result": async () => {
    const withTools = model.bindTools([weather]);
    const question = new HumanMessage("Weather in Paris?");
    const reply = await withTools.invoke([question]);
    assert.equal(reply.tool_calls.length, 1);
    assert.deepEqual(reply.tool_calls[0].args, { city: "Paris" });
    const result = await weather.invoke(reply.tool_calls[0]);
    assert.ok(result instanceof ToolMessage);
    const after = await withTools.invoke([question, reply, result]);
    assert.equal(after.content, "Hello <b>");
  },
  "a schema": async () => {
    const schema = z.object({ name: z.string(), population: z.number().int() });
    const structured = model.withStructuredOutput(schema);
    const got = await structured.invoke("How many live in Paris? 2 million.");
    assert.deepEqual(got, { name: "Paris", population: 2 });
  },
  json: async () => {
    const reply = await new ChatOllama({ baseUrl, model: "llama3.1", format: "json" }).invoke("hi");
    assert.deepEqual(JSON.parse(reply.content), { answer: "text" });
  },
  thinking: async () => {
    const reply = await thinker.invoke("hi");
    assert.equal(reply.content, "Hello <b>");
    assert.equal(reply.additional_kwargs.reasoning_content, "hmm ok");
  },
  "a picture": async () => {
    const image_url = `data:image/png;base64,${PICTURE}`;
    const content = [{ type: "text", text: "what" }, { type: "image_url", image_url }];
    assert.equal((await model.invoke([new HumanMessage({ content })])).content, "Hello <b>");
  },
  generate: async () => {
    const llm = new Ollama({ baseUrl, model: "llama3.1", ...once });
    assert.equal(await llm.invoke("hi"), "Hello <b>");
    assert.equal((await collect(await llm.stream("hi"))).join(""), "Hello <b>");
  },
  embeddings: async () => {
    const embedder = new OllamaEmbeddings({ baseUrl, model: "nomic-embed-text", ...once });
    assert.deepEqual((await embedder.embedDocuments(["a", "b"])).map((v) => v.length), [4, 4]);
    assert.ok(Math.abs((await embedder.embedQuery("a"))[0] - 0.6) < 1e-6);
  },
  "a pull at the start": async () => {
    const asked = new ChatOllama({ baseUrl, model: "llama3.1", checkOrPullModel: true, ...once });
    assert.equal((await asked.invoke("hi")).content, "Hello <b>");
  },
  "an unknown model": async () => {
    const asked = new ChatOllama({ baseUrl, model: "nope", ...once });
    const error = await failure(() => asked.invoke("hi"));
    assert.match(error.message, /model 'nope' not found/);
  },
  "a broken stream": async () => {
    for (const word of ["MIDERR", "DIE"]) {
      const error = await failure(() => model.invoke(word));
      assert.match(error.message, /an error was encountered/);
    }
  },
});
