// The official client for JavaScript: what plain.mjs leaves out.
import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { CITY, PICTURE, collect, failure, host, perform } from "./steps.mjs";

const client = new Ollama({ host });
const model = "llama3.1";
const thinker = "deepseek-r1:1.5b";
const user = (content, more = {}) => [{ role: "user", content, ...more }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "weather",
      parameters: { type: "object", properties: { city: { type: "string" } } },
    },
  },
];
const call = { function: { name: "get_weather", arguments: { city: "Paris" } } };

await perform({
  "a tool": async () => {
    const { message } = await client.chat({ model, messages: user("Weather in Paris?"), tools });
    assert.equal(message.tool_calls.length, 1);
    assert.equal(message.tool_calls[0].function.name, "get_weather");
    assert.deepEqual(message.tool_calls[0].function.arguments, { city: "Paris" });
  },
  "a tool, streamed": async () => {
    const request = { model, messages: user("Weather in Paris?"), tools, stream: true };
    const parts = await collect(await client.chat(request));
    const calls = parts.flatMap((part) => part.message.tool_calls ?? []);
    assert.deepEqual(calls[0].function.arguments, { city: "Paris" });
    assert.equal(parts.at(-1).done_reason, "stop");
  },
  "a tool's result": async () => {
    const messages = [
      ...user("Weather in Paris?"),
      { role: "assistant", content: "", tool_calls: [call] },
      { role: "tool", content: "sunny", tool_name: "get_weather" },
    ];
    const { message } = await client.chat({ model, messages, tools });
    assert.equal(message.content, "Hello <b>");
  },
  "a schema": async () => {
    const messages = user("How many live in Paris? 2 million.");
    const { message } = await client.chat({ model, messages, format: CITY });
    assert.deepEqual(JSON.parse(message.content), { name: "Paris", population: 2 });
  },
  json: async () => {
    const { message } = await client.chat({ model, messages: user("hi"), format: "json" });
    assert.deepEqual(JSON.parse(message.content), { answer: "text" });
  },
  thinking: async () => {
    for (const think of [true, "high", undefined]) {
      const { message } = await client.chat({ model: thinker, messages: user("hi"), think });
      assert.equal(message.thinking, "hmm ok");
      assert.equal(message.content, "Hello <b>");
    }
  },
  "thinking, streamed": async () => {
    const request = { model: thinker, messages: user("hi"), think: true, stream: true };
    const parts = await collect(await client.chat(request));
    assert.equal(parts.map((part) => part.message.thinking ?? "").join(""), "hmm ok");
    assert.equal(parts.map((part) => part.message.content).join(""), "Hello <b>");
  },
  "no thinking": async () => {
    const { message } = await client.chat({ model: thinker, messages: user("hi"), think: false });
    assert.deepEqual(Object.keys(message), ["role", "content"]);
  },
  "thinking that a model has not": async () => {
    const error = await failure(() => client.chat({ model, messages: user("hi"), think: true }));
    assert.equal(error.message, '"llama3.1" does not support thinking');
    assert.equal(error.status_code, 400);
  },
  "a picture": async () => {
    const messages = user("what", { images: [PICTURE] });
    assert.equal((await client.chat({ model, messages })).message.content, "Hello <b>");
    const bytes = Uint8Array.from(Buffer.from(PICTURE, "base64"));
    const reply = await client.generate({ model, prompt: "what", images: [bytes] });
    assert.equal(reply.response, "Hello <b>");
  },
  "a system prompt and context": async () => {
    const first = await client.generate({ model, prompt: "hi", system: "short" });
    assert.ok(first.context.length > 0 && first.context.every(Number.isInteger));
    const second = await client.generate({ model, prompt: "and?", context: first.context });
    assert.equal(second.response, "Hello <b>");
  },
  raw: async () => {
    const reply = await client.generate({ model, prompt: "hi", raw: true });
    assert.equal(reply.response, "Hello <b>");
    assert.equal(reply.context, undefined);
  },
  suffix: async () => {
    const reply = await client.generate({ model, prompt: "def f(", suffix: "return 1" });
    assert.equal(reply.response, "Hello <b>");
  },
  "pull of a served model": async () => {
    assert.equal((await client.pull({ model })).status, "success");
    const lines = await collect(await client.pull({ model, stream: true }));
    assert.equal(lines[0].status, "pulling manifest");
    assert.equal(lines.at(-1).status, "success");
  },
  "pull of another": async () => {
    const error = await failure(() => client.pull({ model: "nope" }));
    assert.match(error.message, /file does not exist/);
  },
  "copy, create, delete": async () => {
    await client.copy({ source: model, destination: "mine" });
    assert.equal((await client.create({ model: "polite", from: model, system: "please" })).status, "success");
    assert.equal((await client.show({ model: "polite" })).system, "please");
    const names = (await client.list()).models.map((listed) => listed.name);
    assert.ok(names.includes("mine:latest") && names.includes("polite:latest"));
    for (const mine of ["mine", "polite"]) {
      assert.equal((await client.chat({ model: mine, messages: user("hi") })).message.content, "Hello <b>");
      await client.delete({ model: mine });
    }
    const error = await failure(() => client.show({ model: "mine" }));
    assert.equal(error.message, "model 'mine:latest' not found");
  },
  unload: async () => {
    const reply = await client.generate({ model, prompt: "", keep_alive: 0 });
    assert.equal(reply.done_reason, "unload");
  },
});
