// What there is to judge: the open rounds, the form of one of them, and its slates in this teacher's order.

import { counts, datasets, questions, records } from "./api.js";
import { indexed } from "./search.js";
import { useLanguage, useTerms } from "./words.js";

const AHEAD = 20;
const MOST = 500;
const STATUSES = ["submitted", "discarded"];
const NUMBERED = /^(.*?)-?(\d+)$/;

/** The rounds that can be answered now, the newest of each project, each with {id, name, own}. */
export async function openRounds() {
  const newest = new Map();
  for (const dataset of await datasets()) {
    if (dataset.status !== "ready") continue;
    const [, project = dataset.name, number = "0"] = NUMBERED.exec(dataset.name) || [];
    const known = newest.get(project);
    if (!known || Number(number) > known.number) newest.set(project, { dataset, number: Number(number) });
  }
  const open = [...newest.values()].filter(({ dataset }) => !dataset.metadata?.prefopt?.closed);
  return open.map(({ dataset }) => ({ id: dataset.id, name: dataset.name, own: dataset.metadata?.prefopt || {} }));
}

/** How many slates of a round are left to this teacher. */
export async function leftOf(round) {
  return (await records(round.id, ["pending"], 1)).total;
}

/** A round that was opened: what its form asks, its labels, and its slates as they are needed. */
export class Round {
  constructor(round, form, outbox) {
    this.id = round.id;
    this.name = round.name;
    this.outbox = outbox;
    useLanguage(round.own.language);
    useTerms(round.own.words);
    const options = (name) => form.find((question) => question.name === name)?.settings.options || [];
    const verdicts = options("verdict").map((option) => option.value);
    this.asks = verdicts.includes("equal") ? "two" : verdicts.includes("some") ? "ranking" : "best";
    const given = options("right_label");
    this.unknown = given.find(({ value }) => value === "__unknown__")?.value || null; // says that the right label is not known
    this.labels = given.filter(({ value }) => !value.startsWith("__")).map(({ value, text }) => ({
      id: value,
      name: text.startsWith(value) ? text.slice(value.length).trim() : text,
      groups: round.own.groups?.[value] || "",
    }));
    this.index = indexed(this.labels);
    this.queue = [];
    this.later = [];
    this.answered = new Map();
    this.total = 0;
  }

  static async open(round, outbox) {
    return new Round(round, await questions(round.id), outbox);
  }

  /** Fetch the next slates. */
  async refresh() {
    const reply = await records(this.id, ["pending"], Math.min(MOST, AHEAD + this.later.length + this.outbox.size));
    const known = (slate) => this.answered.has(slate.record) || this.outbox.has(slate.record);
    const slates = reply.items.map(asSlate);
    const waiting = slates.filter(known).length;
    this.total = Math.max(0, reply.total - waiting);
    this.queue = slates.filter((slate) => !known(slate));
    this.later = this.later.filter((id) => this.queue.some((slate) => slate.record === id));
  }

  get isShort() {
    return this.queue.length < AHEAD / 2 && this.queue.length < this.total;
  }

  /** The slate to show: the first that is not put off, otherwise the first that is; null at the end. */
  get next() {
    const put = new Set(this.later);
    return this.queue.find((slate) => !put.has(slate.record)) || this.queue.find((slate) => slate.record === this.later[0]) || null;
  }

  get left() {
    return Math.max(this.total, this.queue.length);
  }

  putOff(slate) {
    this.later = [...this.later.filter((id) => id !== slate.record), slate.record];
  }

  /** Note that a slate was answered. */
  take(slate) {
    const place = this.queue.findIndex((each) => each.record === slate.record);
    if (place >= 0) {
      this.queue.splice(place, 1);
      this.total -= 1;
    }
    this.later = this.later.filter((id) => id !== slate.record);
    this.answered.set(slate.record, slate);
  }

  /** Note that an answer was taken back: its slate is the next one again. */
  giveBack(slate) {
    this.answered.delete(slate.record);
    this.queue = [slate, ...this.queue.filter((each) => each.record !== slate.record)];
    this.total += 1;
  }

  /** The slates with this teacher's answers, those on their way first. */
  async past() {
    const saved = (await records(this.id, STATUSES, MOST)).items.map(asSlate);
    const onTheirWay = [...this.answered.values()].filter(({ record }) => this.outbox.has(record) && !saved.some((each) => each.record === record));
    return [...onTheirWay.reverse(), ...saved];
  }

  async counts() {
    return counts(this.id);
  }
}

/** A record as this page shows it: {record, problem, figure, cards, saved}. */
function asSlate(record) {
  const shown = record.fields.candidates || {};
  const source = shown.source;
  const cards = (source?.cards || shown.cards || []).map((card) => {
    const read = (name) => (source ? decoded(card[name]) : unmarked(card[name]));
    return { key: String(card.key || "").toLowerCase(), code: read("code"), name: read("name"), groups: read("groups"), details: read("details"), reason: read("reason") };
  });
  const problem = source ? decoded(source.problem) : unmarked(record.fields.problem);
  const saved = (record.responses || []).find((response) => STATUSES.includes(response.status)) || null;
  const image = shown.figure?.image; // an image that is part of the record: no address that a browser would ask
  const figure = /^data:image\/(png|jpeg|svg\+xml);base64,/.test(image || "") ? { image, alt: decoded(source?.figure) } : null;
  return { record: record.id, problem, figure, cards, saved: saved && { status: saved.status, values: saved.values || {} } };
}

function decoded(text) {
  try {
    return decodeURIComponent(text || "");
  } catch {
    return text || "";
  }
}

/** The text of markup of earlier versions, without running or loading anything of it. */
function unmarked(markup) {
  return (markup || "")
    .replace(/<br\s*\/?>/g, "\n")
    .replace(/<\/?[a-z][^>]*>/gi, "")
    .replace(/&nbsp;/g, " ")
    .replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replace(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, "&");
}
