// One question over the wire: a stream of events, as servers of OpenAI's API send it.

import { problem } from "./elements.js";

/** Sources have a list of their own here, with the whole passages. */
const WISHES = { stream: true, show_sources: false, quote_characters: 100_000 };

/**
 * Yields the objects of the answer. Throws an Error with a sentence if it failed or broke off; an
 * AbortError if `signal` said so, which closes the connection and all that was begun behind it.
 */
export async function* asked(body, signal) {
  let response;
  try {
    response = await fetch("v1/chat/completions", {
      method: "POST",
      body: JSON.stringify({ ...body, ...WISHES }),
      signal,
    });
  } catch (error) {
    throw signal.aborted ? error : new Error(problem(0, ""));
  }
  if (!response.ok) throw new Error(problem(response.status, await response.text()));
  for await (const payload of payloads(response.body, signal)) {
    if (payload === "[DONE]") return;
    const told = JSON.parse(payload);
    if (told.error) throw new Error(told.error.message ?? "The answer failed.");
    yield told;
  }
  throw new Error("The answer broke off.");
}

/** The data of the events in a stream of bytes. */
async function* payloads(stream, signal) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  for (;;) {
    const { value, done } = await reader.read().catch((error) => {
      throw signal.aborted ? error : new Error("The connection broke.");
    });
    if (done) return;
    const events = (waiting + value).split("\n\n");
    waiting = events.pop();
    for (const event of events) {
      const lines = event.split("\n").filter((line) => line.startsWith("data:"));
      if (lines.length) yield lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
    }
  }
}
