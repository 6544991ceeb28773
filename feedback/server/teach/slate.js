// One slate: the problem, its cards, and what can be answered. It knows nothing of the server.

import { button, dialog, h, say } from "./nodes.js";
import { rendered } from "./text.js";
import { W } from "./words.js";

const FRESH = 150;

/** What a saved answer says, in words. */
export function inWords(status, values) {
  if (status === "discarded") return W.sentDiscard;
  const verdict = values.verdict?.value;
  if (verdict === "none") return values.right_label && !values.right_label.value.startsWith("__") ? `${W.sentNone} · ${values.right_label.value}` : W.sentNone;
  if (verdict === "equal") return W.sentEqual;
  const order = values.ranking?.value;
  if (order) return [...order].sort((a, b) => a.rank - b.rank).map((each) => each.value.toUpperCase()).join(" ");
  return (verdict || "").toUpperCase();
}

export class SlateView {
  /**
   * @param slate as rounds.js gives it.
   * @param asks "best", "ranking" or "two".
   * @param on called with "answer" (status, values, words), "none", "comment", "later".
   * @param options {comment, touch}
   */
  constructor(slate, asks, on) {
    this.slate = slate;
    this.asks = asks;
    this.on = on;
    this.comment = slate.saved?.values.comment?.value || "";
    this.ordering = asks === "ranking";
    this.ranks = new Map();
    this.isSame = false;
    this.node = h("div", { class: "slate fresh" }, this._problem(), this._choices());
    setTimeout(() => this.node.classList.remove("fresh"), FRESH);
    this._draw();
  }

  _problem() {
    const text = h("div", { class: "problem-text", id: "problem-text" }, rendered(this.slate.problem));
    new ResizeObserver(() => scrollable(text)).observe(text);
    this.heading = h("h2", { id: "problem-title", tabindex: "-1" }, W.problem);
    const size = this.slate.problem.length > 90 ? "long" : "";
    return h("section", { class: `problem ${size}`, "aria-labelledby": "problem-title" }, this.heading, text, this._figure());
  }

  /** The image beside the problem; a tap shows it as large as the screen is. */
  _figure() {
    const { figure } = this.slate;
    if (!figure) return null;
    const image = () => h("img", { src: figure.image, alt: figure.alt || W.figure, decoding: "async" });
    const large = () => dialog(W.figure, h("div", { class: "scroll", tabindex: "0" }, image()), { kind: "figure", closeWord: W.close });
    return h("button", { type: "button", class: "figure", onclick: large, "aria-haspopup": "dialog", title: W.figureLarge }, image());
  }

  _choices() {
    this.title = h("h2", { id: "cards-title", tabindex: "-1" });
    this.cards = this.slate.cards.map((card) => this._card(card));
    this.list = h("ul", { class: `cards n${this.cards.length}` }, this.cards.map((card) => h("li", {}, card)));
    this.tools = h("div", { class: "tools" });
    return h("section", { class: "choices", "aria-labelledby": "cards-title" }, this.title, this.list, this.tools);
  }

  _card(card) {
    const letter = h("span", { class: "letter", "aria-hidden": "true" }, card.key.toUpperCase());
    const name = h("span", { class: "name" }, h("span", { class: "unseen" }, `${W.card(card.key.toUpperCase())}, `), rendered(card.name));
    const where = h("span", { class: "where" }, h("span", { class: "code" }, card.code), card.groups && h("span", {}, card.groups), card.details && h("span", {}, card.details));
    const reason = card.reason && h("span", { class: "reason" }, rendered(card.reason));
    const more = h("span", { class: "more" }, where, reason);
    return h(
      "button",
      { type: "button", class: "card", "data-key": card.key, onclick: () => this.pick(card.key) },
      letter,
      h("span", { class: "body" }, name, more),
      h("kbd", { "aria-hidden": "true" }, String("abcd".indexOf(card.key) + 1)),
    );
  }

  /** A card was tapped, or its key pressed. */
  pick(key) {
    const place = this.slate.cards.findIndex((card) => card.key === key);
    if (place < 0) return;
    if (this.ordering) {
      this._rank(key);
      return;
    }
    if (this.isFresh) return;
    this.cards[place].classList.add("chosen");
    this._answer("submitted", { verdict: { value: key } }, key.toUpperCase());
  }

  /** Whether the slate has just appeared: a second tap was meant for the one before. */
  get isFresh() {
    return this.node.classList.contains("fresh");
  }

  equal() {
    if (this.asks === "two") this._answer("submitted", { verdict: { value: "equal" } }, W.sentEqual);
  }

  none(label) {
    const values = { verdict: { value: "none" }, ...(label && { right_label: { value: label } }) };
    this._answer("submitted", values, W.sentNone);
  }

  discard() {
    this._answer("discarded", null, W.sentDiscard);
  }

  /** Begin or stop giving an order. */
  order() {
    if (this.asks !== "best") return;
    this.ordering = !this.ordering;
    this.ranks.clear();
    this.isSame = false;
    this._draw();
    say(this.ordering ? W.order : W.cards(this.slate.cards.length));
  }

  /** Send the order that was given; cards without a rank share the one below. */
  send() {
    if (!this.ordering || !this.ranks.size) return;
    const ranking = this.slate.cards.map((card) => ({ value: card.key, rank: this.ranks.get(card.key) ?? this.ranks.size + 1 }));
    const best = ranking.reduce((a, b) => (b.rank < a.rank ? b : a)).value;
    const verdict = { value: this.asks === "ranking" ? "some" : best };
    this._answer("submitted", { verdict, ranking: { value: ranking } }, W.sentOrder);
  }

  _rank(key) {
    if (this.ranks.has(key)) {
      const from = this.ranks.get(key);
      for (const [card, rank] of [...this.ranks]) if (rank >= from) this.ranks.delete(card);
    } else {
      const last = Math.max(0, ...this.ranks.values());
      this.ranks.set(key, this.isSame && last ? last : this.ranks.size + 1);
    }
    this._draw();
    if (this.ranks.has(key)) say(`${W.card(key.toUpperCase())}, ${W.rank(this.ranks.get(key))}`);
  }

  /** Whether the next card shares the rank of the last one. */
  same() {
    if (!this.ordering || !this.ranks.size) return;
    this.isSame = !this.isSame;
    this._draw();
  }

  _answer(status, values, words) {
    if (this.isAnswered || this.isFresh) return;
    this.isAnswered = true;
    const all = values && this.comment ? { ...values, comment: { value: this.comment } } : values || (this.comment ? { comment: { value: this.comment } } : null);
    this.on("answer", { status, values: all, words });
  }

  _draw() {
    this.title.textContent = this.ordering ? W.order : W.cards(this.slate.cards.length);
    this.slate.cards.forEach((card, place) => {
      const rank = this.ranks.get(card.key);
      const node = this.cards[place];
      node.classList.toggle("ranked", rank !== undefined);
      node.querySelector(".letter").textContent = rank === undefined ? card.key.toUpperCase() : String(rank);
      const unseen = node.querySelector(".unseen");
      unseen.textContent = `${W.card(card.key.toUpperCase())}, ${rank === undefined ? "" : `${W.rank(rank)}, `}`;
      if (this.ordering) node.setAttribute("aria-pressed", String(rank !== undefined));
      else node.removeAttribute("aria-pressed");
    });
    this._markSaved();
    const focused = this.tools.contains(document.activeElement) && document.activeElement.dataset.tool;
    this.tools.replaceChildren(...(this.ordering ? this._orderTools() : this._bestTools()));
    if (focused) (this.tools.querySelector(`[data-tool="${focused}"]:not(:disabled)`) || this.title).focus();
    this.list.classList.toggle("ordering", this.ordering);
  }

  _markSaved() {
    const verdict = this.slate.saved?.values.verdict?.value;
    this.cards.forEach((node) => node.classList.toggle("was", node.dataset.key === verdict));
  }

  _bestTools() {
    const two = this.asks === "two";
    const small = [
      !two && this.slate.cards.length > 2 && tool(W.ordering, "O", () => this.order()),
      this._commentTool(),
      tool(W.later, "L", () => this.on("later")),
      tool(W.discard, "X", () => this.discard()),
    ];
    const wide = [two && tool(W.equal, "3", () => this.equal(), { class: "wide" }), tool(two ? W.noneTwo : W.none, "0", () => this.on("none"), { class: "wide none" })];
    return [h("div", { class: "row" }, wide), h("div", { class: "row small" }, small)];
  }

  _orderTools() {
    const all = this.ranks.size === this.slate.cards.length;
    const send = button(this.ranks.size && !all ? W.sendRest : W.send, () => this.send(), { class: "tool wide send", "data-tool": "send", disabled: !this.ranks.size });
    const same = tool(W.same, "=", () => this.same(), { "aria-pressed": String(this.isSame), disabled: !this.ranks.size || all });
    const rest = this.asks === "ranking" ? [tool(W.none, "0", () => this.on("none")), this._commentTool(), tool(W.later, "L", () => this.on("later")), tool(W.discard, "X", () => this.discard())] : [tool(W.stop, "O", () => this.order())];
    return [h("div", { class: "row" }, send), h("div", { class: "row small" }, same, rest)];
  }

  _commentTool() {
    return tool(W.comment, "M", () => this.on("comment"), { class: this.comment ? "filled" : "" });
  }

  setComment(text) {
    this.comment = text.trim();
    this._draw();
  }
}

/** A text that is longer than its place can be scrolled by keyboard, too. */
function scrollable(text) {
  if (text.scrollHeight > text.clientHeight + 1) {
    text.tabIndex = 0;
    text.setAttribute("role", "group");
    text.setAttribute("aria-labelledby", "problem-title");
  } else {
    for (const name of ["tabindex", "role", "aria-labelledby"]) text.removeAttribute(name);
  }
}

function tool(text, key, onclick, attributes = {}) {
  const { class: own = "", ...rest } = attributes;
  return h("button", { type: "button", class: `tool ${own}`, "data-tool": key, onclick, ...rest }, h("span", {}, text), h("kbd", { "aria-hidden": "true" }, key));
}
