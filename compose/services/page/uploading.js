// One file on its way: its bytes by XMLHttpRequest, which tells how many are gone, then a line of
// JSON for every step that the service has done.

import { problem } from "./elements.js";

/** Stage of a line → what is told, and how much of all the work is done by then. */
const STAGES = {
  waiting: ["Waiting for its turn", 0.5],
  read: ["Read", 0.6],
  cut: ["Cut", 0.7],
  embedding: ["Embedding", 0.7],
  embedded: ["Embedded", 0.95],
  added: ["Added", 1],
  replaced: ["Replaced", 1],
  unchanged: ["Already here, unchanged", 1],
};
const SENT = 0.5;
const passages = (count) => (count === 1 ? "1 passage" : `${count} passages`);

/**
 * Sends a file. `report({share, text})` is called at every step; the promise is fulfilled with the
 * last {text, remark}, or rejected with an Error that says what went wrong.
 */
export function upload(file, index, report) {
  const request = new XMLHttpRequest();
  const form = new FormData();
  form.append("stream", "true");
  if (index) form.append("index_name", index);
  form.append("files", file);
  const ended = new Promise((fulfil, reject) => {
    const lines = reading(report);
    request.upload.onprogress = ({ loaded, total }) => {
      const share = total ? loaded / total : 0;
      const text = share < 1 ? `Sending, ${Math.floor(share * 100)} %` : "Sent, being read";
      report({ share: share * SENT, text });
    };
    request.onprogress = () => request.status < 300 && lines(request.responseText);
    request.onload = () => {
      if (request.status >= 300) return reject(new Error(problem(request.status, request.responseText)));
      const outcome = lines(`${request.responseText}\n`);
      if (outcome.error || !outcome.text) reject(new Error(outcome.error || "The answer broke off."));
      else fulfil(outcome);
    };
    request.onerror = () => reject(new Error("The service can't be reached."));
    request.onabort = () => reject(new Error("Cancelled."));
  });
  request.open("POST", "v1/dataprep/ingest");
  request.setRequestHeader("Accept", "application/x-ndjson");
  request.send(form);
  return { ended, abort: () => request.abort() };
}

/** Reads the lines of a text that grows; returns how the file ended so far. */
function reading(report) {
  let seen = 0;
  const outcome = { text: "", remark: "", error: "" };
  return (text) => {
    for (let end; (end = text.indexOf("\n", seen)) >= 0; seen = end + 1) {
      step(text.slice(seen, end), report, outcome);
    }
    return outcome;
  };
}

function step(line, report, outcome) {
  if (!line.trim()) return;
  let told;
  try {
    told = JSON.parse(line);
  } catch {
    outcome.error = "The answer can't be read.";
    return;
  }
  if (told.error) {
    outcome.error = typeof told.error === "string" ? told.error : told.error.message;
    return;
  }
  if (typeof told.stage !== "string") return; // the summary
  const [name, share] = STAGES[told.stage] ?? [told.stage, SENT];
  const [all, done] = [told.passages ?? 0, told.stage === "embedding" ? told.done : 0];
  const text = done ? `${name}, ${done} of ${passages(all)}` : all ? `${name}, ${passages(all)}` : name;
  if (share === 1) Object.assign(outcome, { text, remark: told.remark ?? "" });
  report({ share: done ? share + (STAGES.embedded[1] - share) * (done / all) : share, text });
}
