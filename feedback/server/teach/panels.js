// What opens over a slate: the search for a label, the comment, the answers given so far, the guide.

import { button, dialog, h } from "./nodes.js";
import { example, search } from "./search.js";
import { inWords } from "./slate.js";
import { rendered } from "./text.js";
import { W } from "./words.js";

const MOST = 60;

/** Search for the right label. Calls `chosen` with its id, or with null where the teacher does not know it. */
export function openSearch(index, chosen) {
  const state = { found: [], at: 0 };
  const list = h("ul", { class: "found", role: "listbox", id: "found", "aria-label": W.searchTitle() });
  const count = h("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const input = h("input", {
    type: "search",
    id: "query",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "found",
    "aria-autocomplete": "list",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: W.searchHint(example(index.map((entry) => entry.label))),
    enterkeyhint: "send",
  });
  const take = (id) => {
    panel.close();
    chosen(id);
  };
  const mark = () => {
    [...list.children].forEach((row, place) => row.setAttribute("aria-selected", String(place === state.at)));
    const row = list.children[state.at];
    input.setAttribute("aria-activedescendant", row ? row.id : "");
    row?.scrollIntoView({ block: "nearest" });
  };
  const draw = () => {
    state.found = search(index, input.value).slice(0, MOST);
    state.at = input.value.trim() ? 0 : -1;
    list.replaceChildren(...state.found.map((label, place) => row(label, place, take)));
    count.textContent = W.found(state.found.length);
    empty.hidden = state.found.length > 0;
    mark();
  };
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      state.at = Math.max(0, Math.min(state.found.length - 1, state.at + step));
      mark();
      event.preventDefault();
    } else if (event.key === "Enter" && state.found[state.at]) {
      event.preventDefault();
      take(state.found[state.at].id);
    } else if (event.key === "Escape") {
      event.preventDefault(); // it would empty the field and leave the dialog open
      panel.close();
    }
  });
  const empty = h("p", { class: "empty", hidden: true }, W.found(0));
  const content = [
    h("label", { for: "query", class: "field" }, W.searchLabel(), input),
    count,
    h("div", { class: "scroll" }, empty, list),
    button(W.unknown(), () => take(null), { class: "tool wide unknown" }),
  ];
  const panel = dialog(W.searchTitle(), content, { kind: "search", closeWord: W.close });
  draw();
  input.focus();
}

function row(label, place, take) {
  return h(
    "li",
    { role: "option", id: `found-${place}`, "aria-selected": "false", onclick: () => take(label.id) },
    h("span", { class: "name" }, label.name),
    h("span", { class: "where" }, h("span", { class: "code" }, label.id), label.groups && h("span", {}, label.groups)),
  );
}

/** Write a comment. Calls `keep` with the text. */
export function openComment(text, keep) {
  const area = h("textarea", { rows: "4", maxlength: "5000", id: "comment" });
  area.value = text;
  const done = () => {
    panel.close();
    keep(area.value);
  };
  area.addEventListener("keydown", (event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && done());
  const content = [h("label", { for: "comment", class: "field" }, W.commentLabel, area), button(W.keep, done, { class: "primary" })];
  const panel = dialog(W.commentTitle, content, { closeWord: W.close });
  area.focus();
}

/** The answers so far. `slates` have `saved`, or an answer on its way in `outbox`. Calls `open` with the slate that is to be changed. */
export function openAnswers(slates, outbox, open) {
  const rows = slates.map((slate) => {
    const own = outbox.get(slate.record);
    const answer = own || slate.saved;
    const what = inWords(answer.status, answer.values || {});
    const text = rendered(slate.problem.replace(/\|?[\s:|-]*-{3,}[\s:|-]*\|?/g, " ").replace(/[\s|]+/g, " ").trim());
    const go = () => {
      panel.close();
      open(slate);
    };
    const mark = h("span", { class: "answer" }, own ? `${what} (${W.waiting})` : what);
    return h("li", {}, h("button", { type: "button", class: "past", onclick: go }, h("span", { class: "name" }, text), mark));
  });
  const content = rows.length ? [h("p", { class: "muted" }, W.answersHint), h("ul", { class: "scroll pasts" }, rows)] : h("p", {}, W.answersNone);
  const panel = dialog(W.answersTitle, content, { closeWord: W.close });
}

/** How it is done, and the keys. */
export function openGuide(hasKeys) {
  const lines = h("ol", { class: "guide" }, W.guideLines().map((line) => h("li", {}, line)));
  const keys = h("dl", { class: "keys" }, W.keys.flatMap(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]));
  dialog(W.guideTitle, h("div", { class: "scroll", tabindex: "0" }, lines, hasKeys && [h("h3", {}, W.keysTitle), keys]), { closeWord: W.close });
}

/** The menu: rows of [words, what happens]. */
export function openMenu(name, rows) {
  const items = rows.map(([words, act]) =>
    h("li", {}, button(words, () => {
      panel.close();
      act();
    }, { class: "item" })),
  );
  const panel = dialog(W.menu, [h("p", { class: "muted" }, name), h("ul", { class: "items" }, items)], { kind: "menu", closeWord: W.close });
}
