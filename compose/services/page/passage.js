// The passage that a citation stands for, in a dialog: the browser keeps the focus in it, closes
// it with Escape, and gives the focus back to what opened it.

import { element, made, plain } from "./elements.js";

/** A function that shows a source. */
export function passage() {
  const dialog = element("passage");
  dialog.querySelector("[data-closes]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it
  });
  return (source) => {
    element("passage-title").textContent = `Source ${source.id}`;
    const rows = [
      ["File", plain(source.file)],
      ["Section", plain(source.section ?? "")],
      ["Page", source.page ?? ""],
    ].filter(([, value]) => value !== "");
    element("passage-place").replaceChildren(
      ...rows.flatMap(([name, value]) => [
        made("dt", {}, name),
        made("dd", { dir: "auto" }, String(value)),
      ]),
    );
    element("passage-quote").textContent = source.quote ?? "";
    dialog.showModal();
    dialog.scrollTop = 0;
  };
}
