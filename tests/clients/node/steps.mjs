// Runs the steps of a session, one after the other, and prints one JSON line for each.
import assert from "node:assert/strict";

export const [host] = process.argv.slice(2);
export const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC";
export const CITY = {
  type: "object",
  properties: { name: { type: "string" }, population: { type: "integer" } },
  required: ["name", "population"],
};

export async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

export async function failure(run) {
  try {
    await run();
  } catch (error) {
    return error;
  }
  assert.fail("it did not fail");
}

export async function perform(steps) {
  for (const [step, run] of Object.entries(steps)) {
    let error = null;
    try {
      await run();
    } catch (fault) {
      error = `${fault.name}: ${fault.message}`;
    }
    console.log(JSON.stringify({ step, error }));
  }
}
