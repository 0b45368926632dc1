// Puts the parts together: they know each other only by what they are handed here.

import { chat } from "./chat.js";
import { documents } from "./documents.js";
import { passage } from "./passage.js";
import { element } from "./elements.js";

const told = element("told");
const announce = (text) => {
  told.textContent = text;
};

const shelf = documents(announce);
chat({ announce, show: passage(), index: shelf.index });
shelf.load();
