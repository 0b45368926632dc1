// Uses the official client as an application would, and prints one JSON line per step.
// Arguments: address of the server, chat model, embedding model (or "" for none).
import { Ollama } from "ollama";

const [host, model, embedder] = process.argv.slice(2);
const client = new Ollama({ host });
const messages = [{ role: "user", content: "hi" }];
const options = { temperature: 0, num_predict: 5 };

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

async function failure(promise) {
  try {
    await promise;
    return { name: "none" };
  } catch (error) {
    return { name: error.name, message: error.message, status_code: error.status_code };
  }
}

const steps = {
  version: () => client.version(),
  list: () => client.list(),
  show: () => client.show({ model }),
  ps: () => client.ps(),
  chat: () => client.chat({ model, messages, options }),
  chat_stream: async () => collect(await client.chat({ model, messages, options, stream: true })),
  generate: () => client.generate({ model, prompt: "hi", options, keep_alive: "5m" }),
  generate_stream: async () =>
    collect(await client.generate({ model, prompt: "hi", options, stream: true })),
  load: () => client.generate({ model, prompt: "" }),
  unknown: () => failure(client.chat({ model: "nope", messages })),
  unknown_stream: () => failure(client.chat({ model: "nope", messages, stream: true })),
  broken: () =>
    failure(
      client
        .chat({
          model,
          messages: [{ role: "user", content: "MIDERR" }],
          options,
          stream: true,
        })
        .then(collect),
    ),
  aborted: async () => {
    const stream = await client.chat({
      model,
      messages: [{ role: "user", content: "SLOW" }],
      stream: true,
    });
    return failure(
      (async () => {
        for await (const _ of stream) stream.abort();
      })(),
    );
  },
};
if (embedder) {
  steps.embed = () => client.embed({ model: embedder, input: ["a", "b"] });
  steps.embeddings = () => client.embeddings({ model: embedder, prompt: "a" });
}

for (const [step, run] of Object.entries(steps)) {
  console.log(JSON.stringify({ step, value: await run() }));
}
