// Answers on their way: each waits five seconds, in which it can be taken back, and longer without a connection. They outlive the page.

import { Offline, Refused, record, save } from "./api.js";

export const UNDO_SECONDS = 5;
const BATCH = 50;
const LONGEST_WAIT = 15;
const PREFIX = "prefopt-teach/";

/**
 * The outbox of one teacher.
 * @param user id of the account: what one teacher left on a device is never sent as another's.
 * @param on called with "change", "refused" (a number of answers), "signedOut" or "full".
 */
export class Outbox {
  constructor(user, on) {
    this.user = user;
    this.prefix = `${PREFIX}${user}/`;
    this.on = on;
    this.held = new Map();
    this.wait = 1;
    this.offline = false;
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(this.prefix)) continue;
      try {
        const answer = JSON.parse(localStorage.getItem(key));
        this.held.set(answer.record, { ...answer, due: 0, tried: true });
      } catch {
        localStorage.removeItem(key);
      }
    }
    this.stopping = new AbortController();
    const { signal } = this.stopping;
    addEventListener("online", () => this.hurry(), { signal });
    addEventListener("pagehide", () => this.leave(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden && this.leave(), { signal });
  }

  get size() {
    return this.held.size;
  }

  has(id) {
    return this.held.has(id);
  }

  get(id) {
    return this.held.get(id);
  }

  /** The answers to a round that are on their way. */
  of(dataset) {
    return [...this.held.values()].filter((answer) => answer.dataset === dataset);
  }

  /** Take an answer in: {record, dataset, status, values, shown}. */
  put(answer) {
    const before = this.held.get(answer.record);
    const kept = { ...answer, due: Date.now() + UNDO_SECONDS * 1000, tried: false, ...(before && { before: { ...before, before: undefined } }) };
    this.held.set(answer.record, kept);
    this._store(kept);
    this.on("change");
    this._later(UNDO_SECONDS);
  }

  /** Take the last answer back that was not sent; the one that it replaced counts again. Null where there is none. */
  undo() {
    const last = this.undoable;
    if (!last) return null;
    this._drop(last.record);
    if (last.before) {
      this.held.set(last.record, { ...last.before, due: 0 });
      this._store(this.held.get(last.record));
      this._later(0);
    }
    return last;
  }

  /** The answer that can be taken back, or null. */
  get undoable() {
    const left = [...this.held.values()].filter((answer) => !answer.tried && answer.due > Date.now());
    return left.sort((a, b) => a.due - b.due).pop() || null;
  }

  hurry() {
    this.wait = 1;
    this._later(0);
  }

  /** Send everything now: the page may not come back. */
  leave() {
    for (const answer of this.held.values()) answer.due = 0;
    if (this.held.size) this._send({ keepalive: true });
  }

  /** Send everything and wait for it, as before signing out. Returns whether nothing is left. */
  async empty() {
    for (const answer of this.held.values()) answer.due = 0;
    while (this.sending) await this.sending;
    await this._send();
    return this.held.size === 0;
  }

  /** Leave what is held on this device: another teacher signs in. */
  stop() {
    this.stopping.abort();
    this.held.clear();
    this.on = () => {};
  }

  _later(seconds) {
    setTimeout(() => this._send(), seconds * 1000 + 30);
  }

  _send(options) {
    if (this.sending && !options) return this.sending;
    this.sending = this._deliver(options).finally(() => {
      this.sending = null;
      this.on("change");
    });
    return this.sending;
  }

  async _deliver(options) {
    const due = [...this.held.values()].filter((answer) => answer.due <= Date.now()).slice(0, BATCH);
    if (!due.length) return;
    try {
      const open = options ? due : await this._unsaved(due);
      for (const answer of open) {
        answer.tried = true;
        this._store(answer);
      }
      if (open.length) {
        const refused = await save(open.map(({ record, status, values }) => ({ record_id: record, status, ...(values && { values }) })), options);
        open.forEach((answer) => this.held.get(answer.record) === answer && this._drop(answer.record));
        if (refused.some(Boolean)) this.on("refused", refused.filter(Boolean).length);
      }
      this.offline = false;
      this.wait = 1;
      if ([...this.held.values()].some((answer) => answer.due <= Date.now())) this._later(0);
    } catch (error) {
      this._failed(error, due);
    }
  }

  /** Those that the server does not have: a reply that was lost would otherwise count as a second answer. */
  async _unsaved(due) {
    const open = [];
    for (const answer of due) {
      const saved = answer.tried ? (await record(answer.record)).responses?.[0] : null;
      const same = saved && saved.status === answer.status && JSON.stringify(saved.values || null) === JSON.stringify(answer.values || null);
      if (same) this._drop(answer.record);
      else open.push(answer);
    }
    return open;
  }

  _failed(error, due) {
    if (error instanceof Refused && error.status === 401) {
      this.on("signedOut");
    } else if (error instanceof Refused && error.status !== 429) {
      due.forEach((answer) => this._drop(answer.record));
      this.on("refused", due.length);
    } else {
      this.offline = error instanceof Offline;
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
      this._later(this.wait);
    }
  }

  _store(answer) {
    try {
      localStorage.setItem(this.prefix + answer.record, JSON.stringify(answer));
    } catch {
      this.on("full");
    }
  }

  _drop(id) {
    this.held.delete(id);
    localStorage.removeItem(this.prefix + id);
  }
}
