// One question and its answer in the conversation, as they are shown.

import { made, plain } from "./elements.js";
import { drawing } from "./rendering.js";

const LEAST = 30; // milliseconds between two drawings of an answer
const PATIENCE = 10; // and times as long as the last one took

/** Adds a question to the conversation, with room for its answer. `show(source)` opens a passage. */
export function turn(place, question, show) {
  const text = made("div", { class: "text" });
  const state = made("p", { class: "hint state" }, "Looking in the documents …");
  const answer = made("article", { class: "answer", "aria-label": "Answer", "aria-busy": "true" }, text, state);
  const asked = made("article", { class: "asked", "aria-label": "Question" }, made("p", { dir: "auto" }, question));
  place.append(asked, answer);
  const draw = drawing(text);
  const thoughts = thinking(answer);
  const later = sparing();
  let content = "";

  function end() {
    later.cancel();
    state.remove();
    answer.setAttribute("aria-busy", "false");
  }

  function drawWhole(sources) {
    const known = new Map(sources.map((source) => [source.id, source]));
    draw.finish(content, (number) => {
      const source = known.get(number);
      return source ? cited(source, show) : `[${number}]`;
    });
  }

  return {
    get content() {
      return content;
    },
    /** `kept` runs what draws. */
    add(piece, kept) {
      content += piece;
      state.textContent = "Answering …";
      later.run(() => kept(() => draw.draw(content)));
    },
    think: thoughts,
    /** `rag` is what was told of the search; without a search it is empty. */
    finish(sources, rag, cut) {
      end();
      drawWhole(sources);
      if (cut) note(answer, "The answer was cut: it had reached its greatest length.");
      if (sources.length) answer.append(listed(sources, show));
      else if (rag.passages === 0) answer.classList.add("nothing");
      else note(answer, "Answered without the documents.");
    },
    /** What came so far stays. */
    fail(message, again) {
      end();
      drawWhole([]);
      const button = made("button", { type: "button", class: "quiet", click: again }, "Ask again");
      answer.append(made("div", { class: "problem" }, made("p", { dir: "auto" }, message), button));
    },
    stopped() {
      end();
      drawWhole([]);
      note(answer, "Stopped.");
    },
    remove() {
      asked.remove();
      answer.remove();
    },
  };
}

const note = (answer, text) => answer.append(made("p", { class: "hint" }, text));

export function place(source) {
  const page = source.page === null || source.page === undefined ? "" : `page ${source.page}`;
  return [source.file, page, source.section].filter(Boolean).map(plain).join(", ");
}

function cited(source, show) {
  const label = `Source ${source.id}: ${place(source)}`;
  const click = () => show(source);
  return made("button", { type: "button", class: "cite", "aria-label": label, title: place(source), click }, String(source.id));
}

/** The sources below an answer: those that it cites, else all that the model was shown. */
function listed(sources, show) {
  const used = sources.filter((source) => source.cited);
  const rows = (used.length ? used : sources).map((source) =>
    made(
      "li",
      {},
      made(
        "button",
        { type: "button", class: "source", click: () => show(source) },
        made("span", { class: "number" }, String(source.id)),
        made("span", { class: "name", dir: "auto" }, place(source)),
      ),
    ),
  );
  const title = used.length ? "Sources" : "Consulted, not cited";
  return made("section", { class: "sources", "aria-label": title }, made("h3", {}, title), made("ul", {}, ...rows));
}

/** A model's thoughts, folded. */
function thinking(answer) {
  let text = null;
  return (piece) => {
    if (!text) {
      text = made("p", { dir: "auto" });
      answer.prepend(made("details", { class: "thoughts" }, made("summary", {}, "Thoughts"), text));
    }
    text.append(piece);
  };
}

/** Runs the last of many jobs now and then, more seldom the longer one takes. */
function sparing() {
  let timer = 0;
  let job = null;
  let pause = LEAST;
  const work = () => {
    timer = 0;
    const began = performance.now();
    job();
    pause = Math.max(LEAST, (performance.now() - began) * PATIENCE);
  };
  return {
    run(next) {
      job = next;
      timer ||= setTimeout(work, pause);
    },
    cancel() {
      clearTimeout(timer);
      timer = 0;
    },
  };
}
