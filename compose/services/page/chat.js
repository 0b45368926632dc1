// The conversation. It is kept in the page alone: closed, or begun anew, it is gone.

import { asked } from "./asking.js";
import { element } from "./elements.js";
import { turn } from "./turn.js";

const NEAR = 120; // pixels: who reads further up is not pulled down
const TOLD = 2000; // characters of an answer that are read out

/** `announce` tells a screen reader, `show` opens a source, `index` is the chosen one's name. */
export function chat({ announce, show, index }) {
  const [form, question, place] = ["ask", "question", "conversation"].map(element);
  let history = [];
  let running = null;

  async function ask(text) {
    const control = new AbortController();
    const shown = turn(place, text, show);
    const mine = history;
    const messages = [...mine, { role: "user", content: text }];
    mode(control);
    announce("Looking in the documents.");
    scrollToEnd();
    try {
      const { sources, rag, cut } = await read(shown, messages, control.signal);
      kept(() => shown.finish(sources, rag, cut));
      announce(spoken(shown.content, sources));
      remember(mine, messages, shown.content);
    } catch (error) {
      if (mine !== history) return; // another conversation has begun
      if (control.signal.aborted) {
        kept(shown.stopped);
        announce("Stopped.");
        remember(mine, messages, shown.content);
      } else {
        kept(() => shown.fail(error.message, () => again(shown, text)));
        announce(`The answer failed: ${error.message}`);
      }
    } finally {
      if (running === control) mode(null);
    }
  }

  /** Reads an answer into its place; what it rests on comes in the last chunk. */
  async function read(shown, messages, signal) {
    const chosen = index() ? { index_name: index() } : {};
    const end = { sources: [], rag: {}, cut: false };
    for await (const chunk of asked({ messages, ...chosen }, signal)) {
      const choice = chunk.choices?.[0];
      if (!choice) continue;
      const thought = choice.delta?.reasoning ?? choice.delta?.reasoning_content;
      if (thought) shown.think(thought);
      if (choice.delta?.content) shown.add(choice.delta.content, kept);
      if (choice.finish_reason) {
        end.sources = chunk.sources ?? [];
        end.rag = choice.metadata?.rag ?? {};
        end.cut = choice.finish_reason === "length";
      }
    }
    return end;
  }

  /** A turn with an answer counts for the next; one of another conversation does not. */
  function remember(mine, messages, content) {
    if (mine === history && content) history = [...messages, { role: "assistant", content }];
  }

  function again(shown, text) {
    if (running) return;
    shown.remove();
    question.focus();
    ask(text);
  }

  /** While an answer comes, it can be stopped and nothing else be asked. */
  function mode(control) {
    const focused = document.activeElement;
    running = control;
    element("send").hidden = Boolean(control);
    element("stop").hidden = !control;
    element("new-chat").disabled = !place.children.length;
    element("welcome").hidden = place.children.length > 0;
    if (focused?.hidden) question.focus();
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = question.value.trim();
    if (!text || running) return;
    question.value = "";
    fit(question);
    ask(text);
  });
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  question.addEventListener("input", () => fit(question));
  element("stop").addEventListener("click", () => running?.abort());
  // A page that is left may be kept for a way back, with its connections.
  addEventListener("pagehide", () => running?.abort());
  element("new-chat").addEventListener("click", () => {
    const before = running;
    history = [];
    place.replaceChildren();
    before?.abort();
    mode(null);
    announce("A new chat.");
    question.focus();
  });
}

/** As high as its text, within what the style sheet allows. */
function fit(area) {
  area.style.height = "auto";
  area.style.height = `${area.scrollHeight + 2}px`;
}

const scrolled = () => document.scrollingElement;
const scrollToEnd = () => scrolled().scrollTo(0, scrolled().scrollHeight);

/** Draws, and keeps the end in view for who was there before. */
function kept(draw) {
  const { scrollTop, clientHeight, scrollHeight } = scrolled();
  const near = scrollHeight - scrollTop - clientHeight < NEAR;
  draw();
  if (near) scrollToEnd();
}

/** An answer as it is read out. */
function spoken(content, sources) {
  const text = content.length > TOLD ? `${content.slice(0, TOLD)} …` : content;
  const cited = sources.filter((source) => source.cited).length;
  return cited ? `${text} (${cited === 1 ? "1 source" : `${cited} sources`})` : text;
}
