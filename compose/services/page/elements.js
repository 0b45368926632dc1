// Nodes made of text that others wrote. Nothing here, or anywhere in the page, reads markup.

export const element = (id) => document.getElementById(id);

/** An element with children; a string is a text, and null is nothing. */
export function made(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Characters that turn the text around them; in a name they make "txt.exe" look like "exe.txt".
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A name as it is shown, in one line. */
export const plain = (name) => String(name).replace(TURNING, "\ufffd").replace(/\s+/g, " ").trim();

/** What a service says of its failure, or what it ended with. */
export function problem(status, text) {
  try {
    const body = JSON.parse(text);
    const message = body.error?.message ?? body.message ?? body.detail;
    if (typeof message === "string" && message) return message;
  } catch {
    // It is no JSON: a proxy's page, or nothing at all.
  }
  return status ? `The service answered with status ${status}.` : "The service can't be reached.";
}

/** Posts an object; the object that comes back. Throws an Error with a sentence. */
export async function posted(path, body) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body: JSON.stringify(body) });
  } catch {
    throw new Error(problem(0, ""));
  }
  const text = await response.text();
  if (!response.ok) throw new Error(problem(response.status, text));
  return JSON.parse(text);
}
