// A model's text → nodes: paragraphs, headings, lists, code and citations. All else stays text.
// Every expression here takes time in proportion to the text, whatever the text is.

import { made } from "./elements.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const ITEM = /^ {0,8}(?:[-*+\u2022]|(\d{1,3})[.)])\s+(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;
const INLINE = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\[(\d{1,3}(?:\s?,\s?\d{1,3}){0,20})\]/g;

/**
 * The blocks of a text: {kind, lines, at, first}. `kind` is p, heading, code, ul or ol; `at` is
 * where it begins in the text, `first` the number of an ol's first item.
 */
export function blocks(text) {
  const found = [];
  const begin = (kind, lines, at, first) => {
    found.push({ kind, lines, at, first });
    return found.at(-1);
  };
  let open = null; // what the next line may belong to
  let fence = "";
  let blank = false;
  let at = 0;
  for (const line of text.split("\n")) {
    const mark = FENCE.exec(line)?.[1] ?? "";
    if (fence) {
      if (mark.startsWith(fence) && line.trim() === mark) fence = "";
      else found.at(-1).lines.push(line);
    } else if (mark) {
      fence = mark;
      open = begin("code", [], at) && null;
    } else if (!line.trim()) {
      blank = true;
    } else {
      open = spoken(line, open, blank, (...rest) => begin(rest[0], rest[1], at, rest[2]));
      blank = false;
    }
    at += line.length + 1;
  }
  return found;
}

/** Puts a line that is no code where it belongs; what the next line may belong to. */
function spoken(line, open, blank, begin) {
  const heading = HEADING.exec(line);
  if (heading) return begin("heading", [heading[1]]) && null;
  const item = ITEM.exec(line);
  if (item) {
    const kind = item[1] ? "ol" : "ul";
    if (open?.kind !== kind) return begin(kind, [item[2]], item[1]);
    open.lines.push(item[2]);
  } else if (open && !blank && open.kind !== "p") {
    open.lines[open.lines.length - 1] += `\n${line}`;
  } else if (open && !blank) {
    open.lines.push(line);
  } else {
    return begin("p", [line]);
  }
  return open;
}

/** A block's node. `cite(number)` makes the node of a citation. */
export function drawn(block, cite) {
  const { kind, lines, first } = block;
  if (kind === "code") return made("pre", { tabindex: "0" }, made("code", {}, lines.join("\n")));
  if (kind === "ol" || kind === "ul") {
    const items = lines.map((line) => made("li", { dir: "auto" }, ...inline(line, cite)));
    return made(kind, kind === "ol" ? { start: first } : {}, ...items);
  }
  const nodes = inline(lines.join("\n"), cite);
  return made("p", { dir: "auto", class: kind === "heading" && "heading" }, ...nodes);
}

function inline(text, cite) {
  const nodes = [];
  let done = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, strong, numbers] = match;
    if (match.index > done) nodes.push(text.slice(done, match.index));
    if (code) nodes.push(made("code", {}, code));
    else if (strong) nodes.push(made("strong", {}, ...inline(strong, cite)));
    else nodes.push(...numbers.split(",").map((number) => cite(Number(number))));
    done = match.index + whole.length;
  }
  if (done < text.length) nodes.push(text.slice(done));
  return nodes;
}

const uncited = (number) => `[${number}]`;

/**
 * Draws a text that grows into `place`. Only its last blocks are drawn anew each time; `finish`
 * draws all of it once more, with citations that can be followed.
 */
export function drawing(place) {
  let settled = 0; // before here in the text, nothing changes any more
  let loose = [];
  return {
    draw(text) {
      const rest = text.slice(settled);
      const found = blocks(rest);
      for (const node of loose) node.remove();
      const nodes = found.map((block) => drawn(block, uncited));
      place.append(...nodes);
      // A line that has not ended may still become something else, and belong to what is before.
      const firm = Math.max(found.findLastIndex(({ at }) => rest.includes("\n", at)), 0);
      settled += found[firm]?.at ?? 0;
      loose = nodes.slice(firm);
    },
    finish(text, cite) {
      place.replaceChildren(...blocks(text).map((block) => drawn(block, cite)));
    },
  };
}
