// The AI SDK (6) with a provider of its own, which checks every chunk and drops what does not fit.
import assert from "node:assert/strict";
import { embedMany, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";
import { createOllama } from "ollama-ai-provider-v2";
import { z } from "zod";
import { PICTURE, collect, failure, host, perform } from "./steps.mjs";

const ollama = createOllama({ baseURL: `${host}/api` });
const model = ollama("llama3.1");
const thinker = ollama("deepseek-r1:1.5b");
const providerOptions = { ollama: { think: true } };
const asked = [];
const tools = {
  get_weather: tool({
    description: "weather",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => {
      asked.push(city);
      return "sunny";
    },
  }),
};

await perform({
  text: async () => {
    const reply = await generateText({ model, prompt: "hi", temperature: 0.1, maxRetries: 0 });
    assert.equal(reply.text, "Hello <b>");
    assert.equal(reply.finishReason, "stop");
    assert.equal(reply.usage.inputTokens, 7);
    assert.equal(reply.usage.outputTokens, 3);
  },
  "text, streamed": async () => {
    const reply = streamText({ model, prompt: "hi", maxRetries: 0 });
    assert.equal((await collect(reply.textStream)).join(""), "Hello <b>");
  },
  "a tool and its result": async () => {
    const more = { tools, stopWhen: stepCountIs(3), maxRetries: 0 };
    const reply = await generateText({ model, prompt: "Weather in Paris?", ...more });
    assert.deepEqual(asked, ["Paris"]);
    assert.equal(reply.text, "Hello <b>");
  },
  "an object": async () => {
    const schema = z.object({ name: z.string(), population: z.number().int() });
    const prompt = "How many live in Paris? 2 million.";
    const reply = await generateObject({ model, schema, prompt, maxRetries: 0 });
    assert.deepEqual(reply.object, { name: "Paris", population: 2 });
  },
  thinking: async () => {
    const reply = await generateText({ model: thinker, prompt: "hi", providerOptions, maxRetries: 0 });
    assert.equal(reply.text, "Hello <b>");
    assert.equal(reply.reasoningText, "hmm ok");
  },
  "thinking, streamed": async () => {
    const reply = streamText({ model: thinker, prompt: "hi", providerOptions, maxRetries: 0 });
    assert.equal(await reply.text, "Hello <b>");
    assert.equal(await reply.reasoningText, "hmm ok");
  },
  "a picture": async () => {
    const content = [
      { type: "text", text: "what" },
      { type: "file", mediaType: "image/png", data: PICTURE },
    ];
    const reply = await generateText({ model, messages: [{ role: "user", content }], maxRetries: 0 });
    assert.equal(reply.text, "Hello <b>");
  },
  embeddings: async () => {
    const embedder = ollama.embedding("nomic-embed-text");
    const reply = await embedMany({ model: embedder, values: ["a", "b"], maxRetries: 0 });
    assert.deepEqual(reply.embeddings.map((vector) => vector.length), [4, 4]);
  },
  "an unknown model": async () => {
    const request = { model: ollama("nope"), prompt: "hi", maxRetries: 0 };
    const error = await failure(() => generateText(request));
    assert.equal(error.statusCode, 404);
    assert.match(error.responseBody, /model 'nope' not found/);
  },
});
