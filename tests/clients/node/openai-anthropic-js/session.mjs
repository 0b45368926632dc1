// OpenAI's and Anthropic's clients for JavaScript, on /v1 of the same port.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { CITY, PICTURE, collect, failure, host, perform } from "./steps.mjs";

const client = new OpenAI({ baseURL: `${host}/v1`, apiKey: "ollama", maxRetries: 0 });
const claude = new Anthropic({ baseURL: host, apiKey: "ollama", maxRetries: 0 });
const model = "llama3.1";
const user = (content) => [{ role: "user", content }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];
const chat = (request) => client.chat.completions.create({ model, ...request });

await perform({
  models: async () => {
    const names = (await collect(client.models.list())).map((listed) => listed.id);
    assert.ok(names.includes("llama3.1:latest"));
    assert.equal((await client.models.retrieve(model)).id, model);
  },
  chat: async () => {
    const reply = await chat({ messages: user("hi") });
    assert.equal(reply.choices[0].message.content, "Hello <b>");
    assert.equal(reply.model, model);
    assert.equal(reply.usage.total_tokens, 10);
  },
  "chat, streamed": async () => {
    const stream_options = { include_usage: true };
    const parts = await collect(await chat({ messages: user("hi"), stream: true, stream_options }));
    const text = parts.map((part) => part.choices[0]?.delta.content ?? "").join("");
    assert.equal(text, "Hello <b>");
    assert.equal(parts.at(-1).usage.completion_tokens, 3);
  },
  "a tool": async () => {
    const reply = await chat({ messages: user("Weather in Paris?"), tools });
    const [call] = reply.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris" });
    const result = { role: "tool", tool_call_id: call.id, content: "sunny" };
    const messages = [...user("Weather in Paris?"), reply.choices[0].message, result];
    assert.equal((await chat({ messages, tools })).choices[0].message.content, "Hello <b>");
  },
  "a tool, streamed": async () => {
    const request = { model, messages: user("Weather in Paris?"), tools };
    const reply = await client.chat.completions.stream(request).finalChatCompletion();
    const [call] = reply.choices[0].message.tool_calls;
    assert.deepEqual(JSON.parse(call.function.arguments), { city: "Paris" });
  },
  "a schema": async () => {
    const json_schema = { name: "city", schema: CITY };
    const messages = user("How many live in Paris? 2 million.");
    const reply = await chat({ messages, response_format: { type: "json_schema", json_schema } });
    assert.deepEqual(JSON.parse(reply.choices[0].message.content), { name: "Paris", population: 2 });
  },
  "a picture": async () => {
    const image_url = { url: `data:image/png;base64,${PICTURE}` };
    const content = [{ type: "text", text: "what" }, { type: "image_url", image_url }];
    assert.equal((await chat({ messages: user(content) })).choices[0].message.content, "Hello <b>");
  },
  embeddings: async () => {
    const reply = await client.embeddings.create({ model: "nomic-embed-text", input: ["a", "b"] });
    assert.deepEqual(reply.data.map((row) => row.embedding.length), [4, 4]);
    assert.ok(Math.abs(reply.data[0].embedding[0] - 0.6) < 1e-6);
  },
  responses: async () => {
    const reply = await client.responses.create({ model, input: "Hi", max_output_tokens: 6 });
    assert.equal(reply.output_text, "\n".repeat(6));
    assert.equal(reply.model, model);
  },
  "responses, streamed": async () => {
    const events = await collect(await client.responses.create({ model, input: "Hi", stream: true }));
    assert.equal(events[0].type, "response.created");
    assert.equal(events.at(-1).type, "response.completed");
  },
  "an unknown model": async () => {
    const error = await failure(() => chat({ model: "nope", messages: user("hi") }));
    assert.equal(error.status, 404);
    assert.match(error.message, /model 'nope' not found/);
  },
  "a broken stream": async () => {
    const error = await failure(async () =>
      collect(await chat({ messages: user("MIDERR"), stream: true })),
    );
    assert.match(error.message, /an error was encountered/);
  },
  messages: async () => {
    const reply = await claude.messages.create({ model, max_tokens: 6, messages: user("Hi") });
    assert.equal(reply.content[0].text, "\n".repeat(6));
    assert.equal(reply.model, model);
  },
  "messages, streamed": async () => {
    const request = { model, max_tokens: 3, messages: user("Hi") };
    const reply = await claude.messages.stream(request).finalMessage();
    assert.equal(reply.content[0].text, "\n".repeat(3));
    assert.equal(reply.stop_reason, "max_tokens");
  },
  "messages of an unknown model": async () => {
    const request = { model: "nope", max_tokens: 6, messages: user("Hi") };
    const error = await failure(() => claude.messages.create(request));
    assert.equal(error.status, 404);
    assert.equal(error.error.error.type, "not_found_error");
  },
});
