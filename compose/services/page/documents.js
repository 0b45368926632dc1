// The shelf: files come in one after another, are listed, and go.

import { element, made, plain, posted } from "./elements.js";
import { upload } from "./uploading.js";

const NARROW = matchMedia("(max-width: 59.99rem)");

export function documents(announce) {
  const list = element("list");
  const choice = element("index");
  const waiting = [];
  let busy = false;
  let standard = ""; // the index that is meant when none is named

  const index = () => choice.value;
  const named = () => (index() ? { index_name: index() } : {});
  const fail = (text) => {
    element("documents-problem").textContent = text;
  };

  async function load() {
    await refreshed();
    if (NARROW.matches && !list.children.length) open(true);
  }

  async function refreshed() {
    try {
      await indexes();
      await fill();
    } catch (error) {
      fail(error.message);
    }
  }

  /** The indexes that there are; without a second one there is nothing to choose. */
  async function indexes() {
    const names = await posted("v1/dataprep/indices", {});
    standard ||= (await fetch("page/facts.json").then((reply) => reply.json())).index;
    const all = [...new Set([standard, ...names])];
    const chosen = choice.value;
    choice.replaceChildren(...all.map((name) => made("option", { value: name }, plain(name))));
    choice.value = all.includes(chosen) ? chosen : standard;
    element("index-choice").hidden = all.length < 2;
  }

  async function fill() {
    const wanted = index();
    const rows = await posted("v1/dataprep/get", named());
    if (wanted !== index()) return; // another was chosen meanwhile
    list.replaceChildren(...rows.map(row));
    counted();
    fail("");
  }

  function counted() {
    element("documents-count").textContent = list.children.length || "";
    element("documents-empty").hidden = list.children.length > 0;
  }

  function row(one) {
    const name = plain(one.name);
    const count = one.passages === 1 ? "1 passage" : `${one.passages} passages`;
    const item = made(
      "li",
      {},
      made("span", { class: "name", dir: "auto" }, name),
      made("span", { class: "hint" }, `${count}, ${size(one.size)}`),
      made(
        "button",
        { type: "button", class: "quiet", "aria-label": `Delete ${name}`, click: () => remove(item, one) },
        "Delete",
      ),
    );
    return item;
  }

  async function remove(item, one) {
    const name = plain(one.name);
    if (!(await confirmed(name))) return;
    const at = [...list.children].indexOf(item);
    try {
      await posted("v1/dataprep/delete", { file_path: one.id, ...named() });
      await fill();
    } catch (error) {
      fail(error.message);
      return;
    }
    announce(`${name} is deleted.`);
    const next = list.children[Math.min(at, list.children.length - 1)];
    (next?.querySelector("button") ?? element("documents-title")).focus();
  }

  /** Files wait for their turn: the service takes in one after another, too. */
  function add(files) {
    for (const file of files) waiting.push([file, index(), line(file)]);
    if (!busy) work();
  }

  async function work() {
    busy = true;
    for (let next; (next = waiting.shift()); ) await take(...next);
    busy = false;
  }

  async function take(file, into, shown) {
    if (shown.cancelled) return;
    const { ended, abort } = upload(file, into, shown.report);
    shown.abort = abort;
    try {
      const { text, remark } = await ended;
      announce(`${plain(file.name)}: ${text}. ${remark}`.trim());
      await refreshed();
      if (remark) shown.remarked(remark);
      else shown.gone();
    } catch (error) {
      shown.failed(error.message);
      announce(`${plain(file.name)}: ${error.message}`);
    }
  }

  const open = (yes) => {
    document.body.classList.toggle("documents-open", yes);
    element("documents-toggle").setAttribute("aria-expanded", String(yes));
  };

  element("documents-toggle").addEventListener("click", () =>
    open(!document.body.classList.contains("documents-open")),
  );
  choice.addEventListener("change", () => fill().catch((error) => fail(error.message)));
  element("files").addEventListener("change", (event) => {
    add([...event.target.files]);
    event.target.value = "";
  });
  dropped(add);
  return { load, index };
}

/** A file's line while it is on its way; what is to be said of it stays until it is dismissed. */
function line(file) {
  const name = plain(file.name);
  const bar = made("progress", { max: 1, value: 0, "aria-label": `Adding ${name}` });
  const text = made("span", { class: "hint" }, "Waiting");
  const button = made("button", { type: "button", class: "quiet", "aria-label": `Cancel ${name}` }, "Cancel");
  const item = made("li", {}, made("span", { class: "name", dir: "auto" }, name), button, bar, text);
  const shown = { cancelled: false, abort: null };
  const gone = () => {
    if (item.contains(document.activeElement)) element("documents-title").focus();
    item.remove();
  };
  shown.report = (step) => {
    bar.value = Math.max(bar.value, step.share);
    text.textContent = step.text;
  };
  shown.gone = gone;
  shown.failed = (why) => {
    item.classList.add("failed");
    shown.remarked(why);
  };
  shown.remarked = (what) => {
    bar.remove();
    text.textContent = what.replace(`${file.name}: `, "");
    text.dir = "auto";
    button.textContent = "Dismiss";
    button.setAttribute("aria-label", `Dismiss ${name}`);
    shown.abort = gone;
  };
  button.addEventListener("click", () => {
    if (shown.abort) return shown.abort();
    shown.cancelled = true;
    gone();
  });
  element("uploads").append(item);
  return shown;
}

let asked = 0;

function confirmed(name) {
  const dialog = element("confirm");
  const mine = ++asked;
  element("confirm-name").textContent = name;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((fulfil) => {
    const closed = () => {
      if (mine === asked && dialog.open) return; // the end of an earlier question, told late
      dialog.removeEventListener("close", closed);
      fulfil(mine === asked && dialog.returnValue === "delete");
    };
    dialog.addEventListener("close", closed);
  });
}

/** Files may be dropped anywhere: beside a small place the browser would leave the page for them. */
function dropped(add) {
  const holds = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (yes) => element("drop").classList.toggle("over", yes);
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      mark(true);
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
  document.addEventListener("drop", (event) => {
    mark(false);
    if (!holds(event)) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
    const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
    add(files.map((item) => item.getAsFile()));
  });
}

const UNITS = ["bytes", "kB", "MB", "GB"];

function size(bytes) {
  let unit = 0;
  let value = bytes;
  if (value === 1) return "1 byte";
  for (; value >= 1000 && unit < UNITS.length - 1; unit += 1) value /= 1000;
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}
