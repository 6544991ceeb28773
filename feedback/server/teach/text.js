// Texts of problems and reasons as nodes: formulas by KaTeX, fractions and powers of plain text, tables. Nothing is ever parsed as HTML.

import { W } from "./words.js";

const MAX_FORMULA = 2000;
const MOST_FORMULAS = 200;
let formulas = 0;
const LATEX =
  /\$\$(.+?)\$\$|\\\[((?:(?!\\\[).)+?)\\\]|\\\(((?:(?!\\\().)+?)\\\)|\$(?=[^\s$'&])([^$\n]*?[^\s$\\])\$(?!\d)/gs;
const PLAIN =
  /(^|[^A-Za-z0-9_./:^])(\d{1,4})\/(\d{1,4})(?![A-Za-z0-9_/:]|\.\d)|([A-Za-z0-9)\]])\^(?:\{([A-Za-z0-9+\-− ]{1,12})\}|([0-9]{1,3}|[A-Za-z]))/g;
const RULE = /^\|?\s*:?-{3,}:?\s*(?:\|\s*:?-{3,}:?\s*)*\|?$/;

/** The nodes of a text, in a fragment. */
export function rendered(text) {
  formulas = 0;
  const made = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  let plain = [];
  const flush = () => {
    const text = plain.join("\n").replace(made.childNodes.length ? /^\s*\n/ : /^/, "");
    if (text) made.append(prose(text));
    plain = [];
  };
  for (let at = 0; at < lines.length; ) {
    const end = tableEnd(lines, at);
    if (end) {
      while (plain.length && !plain.at(-1).trim()) plain.pop(); // a table stands apart without empty lines
      flush();
      made.append(table(lines.slice(at, end)));
      at = end;
    } else {
      plain.push(lines[at]);
      at += 1;
    }
  }
  flush();
  return made;
}

const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|");

/** The line after a table that begins here: a head, a rule and rows of as many cells; 0 where there is none. */
function tableEnd(lines, at) {
  if (at + 1 >= lines.length || !lines[at].includes("|") || !RULE.test(lines[at + 1].trim())) return 0;
  const wide = cells(lines[at]).length;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|")) {
    if (cells(lines[end]).length !== wide) return 0;
    end += 1;
  }
  return end;
}

function table(lines) {
  const made = document.createElement("table");
  lines.forEach((line, number) => {
    if (number === 1) return;
    const row = made.insertRow();
    for (const cell of cells(line)) {
      const place = document.createElement(number ? "td" : "th");
      if (!number) place.scope = "col";
      place.append(prose(cell.trim()));
      row.append(place);
    }
  });
  return made;
}

function prose(text) {
  const made = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(LATEX)) {
    made.append(plainText(text.slice(end, found.index)));
    const source = found[1] ?? found[2] ?? found[3] ?? found[4];
    made.append(formula(source, found[1] !== undefined || found[2] !== undefined, found[0]));
    end = found.index + found[0].length;
  }
  made.append(plainText(text.slice(end)));
  return made;
}

function plainText(text) {
  const made = document.createDocumentFragment();
  let end = 0;
  for (const found of text.matchAll(PLAIN)) {
    made.append(text.slice(end, found.index));
    if (found[2]) {
      made.append(found[1], formula(`\\dfrac{${found[2]}}{${found[3]}}`, false, found[0].slice(found[1].length)));
    } else {
      const power = document.createElement("sup");
      power.textContent = found[5] || found[6];
      made.append(found[4], power);
    }
    end = found.index + found[0].length;
  }
  made.append(text.slice(end));
  return made;
}

/** A formula; one that cannot be read is shown as it was written. */
export function formula(source, display, written) {
  const place = document.createElement("span");
  place.className = display ? "formula display" : "formula";
  try {
    formulas += 1;
    if (source.length > MAX_FORMULA || formulas > MOST_FORMULAS) throw new RangeError("too much");
    globalThis.katex.render(display ? source : `\\displaystyle ${source}`, place, {
      displayMode: display,
      throwOnError: true,
      strict: "ignore",
      trust: false,
      maxSize: 20,
      maxExpand: 500,
    });
  } catch {
    place.className = "formula source";
    place.textContent = written;
    place.title = W.formulaBroken;
  }
  return place;
}
