// The page for teachers: what is shown when, and the keys. Its words are in words.js.

import { Offline, Refused, me, signOut } from "./api.js";
import { button, h, say } from "./nodes.js";
import { Outbox } from "./outbox.js";
import { donePage, restPage, roundsPage, signInPage } from "./pages.js";
import { openAnswers, openComment, openGuide, openMenu, openSearch } from "./panels.js";
import { Round, leftOf, openRounds } from "./rounds.js";
import { SlateView, inWords } from "./slate.js";
import { W } from "./words.js";

const LOOK_SECONDS = 60;
const FLASH = 100;
const SETTINGS = "prefopt-teach-settings";

const main = document.getElementById("main");
const top = document.getElementById("top");
const notice = document.getElementById("notice");
const left = h("p", { class: "left" });
const bar = h("span", {});
const undo = button("", () => takeBack(), { class: "undo", hidden: true });
const own = { teacher: null, outbox: null, round: null, view: null, editing: false, done: 0, fault: "" };
const settings = { size: 0, open: false, keys: true, ...stored() };

function stored() {
  try {
    return JSON.parse(localStorage.getItem(SETTINGS)) || {};
  } catch {
    return {};
  }
}

function apply() {
  document.documentElement.dataset.size = String(settings.size);
  document.documentElement.classList.toggle("open-reasons", settings.open);
  document.documentElement.classList.toggle("no-keys", !settings.keys);
  try {
    localStorage.setItem(SETTINGS, JSON.stringify(settings));
  } catch {
    // the settings last as long as the page
  }
}

function show(node, focus) {
  main.replaceChildren(node);
  focus?.focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function start(note = "") {
  apply();
  document.title = W.title();
  top.hidden = true;
  try {
    own.teacher = await me();
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return askToSignIn(note);
    return again();
  }
  if (own.outbox?.user !== own.teacher.id) {
    own.outbox?.stop();
    own.outbox = new Outbox(own.teacher.id, heard);
  }
  if (own.outbox.size) own.outbox.hurry();
  await chooseRound();
}

function askToSignIn(note) {
  own.view = null;
  top.hidden = true;
  const page = signInPage(note, () => start());
  show(page, page.querySelector("input"));
}

/** Without a connection there is nothing to show yet. */
function again() {
  notify(W.trouble);
  setTimeout(() => start(), 5000);
}

async function chooseRound() {
  own.round = own.view = null;
  const rounds = await asked(openRounds);
  if (rounds === null) return;
  drawTop();
  if (!rounds.length) {
    const page = restPage();
    show(page, page.querySelector("h1"));
  } else if (rounds.length === 1) {
    await openRound(rounds[0]);
  } else {
    const lefts = await asked(() => Promise.all(rounds.map(async (round) => [round, await leftOf(round)])));
    if (lefts === null) return;
    const page = roundsPage(lefts, openRound);
    show(page, page.querySelector("h1"));
  }
}

async function openRound(round) {
  own.done = 0;
  own.round = await asked(() => Round.open(round, own.outbox));
  if (own.round === null || (await asked(() => own.round.refresh().then(() => true))) === null) return;
  document.title = W.title();
  await showNext();
}

/** What a function of the server gives; null where it could not be asked, which is said. */
async function asked(get) {
  try {
    const got = await get();
    heard("change");
    return got;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) askToSignIn(W.signInAgain);
    else if (error instanceof Offline) notify(own.round ? W.offlineEmpty : W.trouble);
    else notify(W.trouble);
    return null;
  }
}

async function showNext() {
  own.editing = false;
  const round = own.round;
  const slate = round.next;
  if (slate) {
    if (round.isShort) refill();
    showSlate(slate);
  } else if (round.left > 0) {
    const more = await asked(() => round.refresh().then(() => true));
    if (more && round.next) return showNext();
    if (!more) setTimeout(() => own.round === round && !own.view && showNext(), 3000);
    else await showDone();
  } else {
    await showDone();
  }
}

function refill() {
  const { round, view } = own;
  round.refresh().then(() => own.round === round && own.view === view && drawTop(), () => own.outbox.hurry());
}

function showSlate(slate) {
  own.view = new SlateView(slate, own.round.asks, act);
  drawTop();
  if (own.editing) {
    const line = h("p", { class: "editing" }, h("span", {}, W.wasSent(own.words)), button(W.back, () => showNext(), { class: "tool" }));
    own.view.node.prepend(line);
  }
  show(own.view.node, own.view.heading);
  say(W.next(own.round.left));
}

async function showDone() {
  own.view = null;
  drawTop();
  const { submitted, discarded } = (await asked(() => own.round.counts())) || { submitted: 0, discarded: 0 };
  if (own.view) return;
  const waiting = (status) => own.outbox.of(own.round.id).filter((answer) => answer.status === status && !answer.edited).length;
  const counts = { submitted: submitted + waiting("submitted"), discarded: discarded + waiting("discarded") };
  const page = donePage(counts, pastAnswers);
  show(page, page.querySelector("h1"));
}

/** What a slate's view tells. */
function act(what, given) {
  const { view, round } = own;
  const slate = view.slate;
  if (what === "answer") {
    const { status, values, words } = given;
    const answer = { record: slate.record, dataset: round.id, status, values, words, edited: own.editing };
    own.last = slate;
    round.take(slate);
    if (!own.editing) own.done += 1;
    own.last.edited = own.editing;
    own.outbox.put(answer);
    setTimeout(() => own.view === view && showNext(), FLASH);
  } else if (what === "none") {
    if (round.labels.length) openSearch(round.index, (label) => view.none(label || round.unknown));
    else view.none(round.unknown);
  } else if (what === "comment") {
    openComment(view.comment, (text) => view.setComment(text));
  } else if (what === "later") {
    const before = round.later.length;
    round.putOff(slate);
    showNext().then(() => say(before && round.later.length === round.queue.length ? W.allLater : W.put));
  }
}

function takeBack() {
  const answer = own.outbox?.undo();
  if (!answer || answer.dataset !== own.round?.id) return;
  if (own.last.edited) {
    showNext();
  } else {
    own.done -= 1;
    own.round.giveBack(own.last);
    own.editing = false;
    showSlate(own.last);
  }
  say(W.undone);
  heard("change");
}

async function pastAnswers() {
  const slates = await asked(() => own.round.past());
  if (slates === null) return;
  openAnswers(slates, own.outbox, (slate) => {
    const way = own.outbox.get(slate.record);
    own.editing = true;
    own.words = way ? way.words : inWords(slate.saved.status, slate.saved.values);
    showSlate(way ? { ...slate, saved: { status: way.status, values: way.values || {} } } : slate);
  });
}

/** What the outbox tells. */
function heard(what, count) {
  const answer = own.outbox?.undoable;
  undo.hidden = !answer || answer.dataset !== own.round?.id;
  if (answer) undo.replaceChildren(h("span", {}, W.picked(answer.words)), h("strong", {}, W.undo), h("kbd", { "aria-hidden": "true" }, "Z"));
  if (what === "signedOut") return askToSignIn(W.signInAgain);
  if (what === "refused") refused(count);
  else if (what === "full") notify(W.full);
  else notify(own.fault || (own.outbox?.offline ? W.offline(own.outbox.size) : ""));
}

/** The server took an answer and refused it: the round is over, or something is wrong. */
async function refused(count) {
  const round = own.round;
  own.fault = W.refused(count);
  const open = await asked(openRounds);
  if (round && open && !open.some((each) => each.id === round.id)) {
    own.fault = W.closed;
    await chooseRound();
  }
  notify(own.fault);
  setTimeout(() => {
    own.fault = "";
    heard("change");
  }, 15000);
}

function notify(text) {
  if (notice.textContent !== text) notice.textContent = text;
  notice.hidden = !text;
}

function drawTop() {
  const { round } = own;
  top.hidden = false;
  const menu = button("", openOwnMenu, { class: "round menu", "aria-label": W.menu });
  menu.append(h("span", { "aria-hidden": "true" }), h("span", { "aria-hidden": "true" }), h("span", { "aria-hidden": "true" }));
  const rest = round ? round.left : 0;
  left.replaceChildren(`${W.left} `, h("strong", {}, String(rest)));
  left.hidden = !round;
  bar.style.inlineSize = `${round ? (100 * own.done) / Math.max(1, own.done + rest) : 0}%`;
  top.replaceChildren(h("h1", { class: "unseen" }, W.title()), left, undo, menu, h("div", { class: "bar", "aria-hidden": "true" }, bar));
}

function openOwnMenu() {
  const hasKeys = matchMedia("(hover: hover) and (pointer: fine)").matches;
  const flip = (name, value) => {
    settings[name] = value;
    apply();
  };
  openMenu(own.teacher.first_name || own.teacher.username, [
    ...(own.round ? [[W.answers, pastAnswers]] : []),
    [W.guide, () => openGuide(hasKeys && settings.keys)],
    [settings.open ? W.reasonsShut : W.reasonsOpen, () => flip("open", !settings.open)],
    [W.size(W.sizes[settings.size]), () => flip("size", (settings.size + 1) % W.sizes.length)],
    ...(hasKeys ? [[settings.keys ? W.keysOff : W.keysOn, () => flip("keys", !settings.keys)]] : []),
    [W.signOut, leave],
  ]);
}

async function leave() {
  await own.outbox.empty();
  if ((await asked(() => signOut().then(() => true))) !== null) askToSignIn("");
}

/** Keys act on a slate alone, and by their place, whatever the keyboard's language. */
function pressed(event) {
  const { view } = own;
  if (!view || !settings.keys || event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  const code = event.code.replace(/^(Digit|Numpad|Key)/, "");
  const key = { 1: "a", 2: "b", 3: "c", 4: "d", A: "a", B: "b", C: "c", D: "d" }[code];
  const two = own.round.asks === "two";
  const acts = {
    0: () => act("none"),
    N: () => act("none"),
    O: () => view.order(),
    M: () => act("comment"),
    L: () => act("later"),
    X: () => view.discard(),
    Z: takeBack,
    Equal: () => (two ? view.equal() : view.same()),
  };
  if (two && code === "3") acts[3] = () => view.equal();
  const onButton = event.target instanceof HTMLButtonElement;
  if (code === "Enter" && view.ordering && !onButton) acts.Enter = () => view.send();
  const run = acts[code] || (key && (() => view.pick(key)));
  if (!run) return;
  event.preventDefault();
  run();
}

/** A page that is left open shows a new round by itself, and leaves one that is over. */
async function look() {
  if (!own.teacher || document.hidden || own.outbox.offline || (own.view && own.round)) return;
  if (!own.round) return chooseRound();
  const more = await asked(() => own.round.refresh().then(() => true));
  if (more && !own.view && own.round.next) await showNext();
  else if (more && !own.view && !(await asked(openRounds))?.some((round) => round.id === own.round.id)) await chooseRound();
}

addEventListener("keydown", pressed);
setInterval(look, LOOK_SECONDS * 1000);
start();
