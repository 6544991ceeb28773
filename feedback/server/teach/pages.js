// Pages without a slate: signing in, choosing a round, the end.

import { Offline, Refused, signIn } from "./api.js";
import { button, h } from "./nodes.js";
import { W } from "./words.js";

/** The form for signing in. Calls `done` when the server has let the teacher in. */
export function signInPage(note, done) {
  const fault = h("p", { class: "fault", role: "alert" }, note || "");
  const user = h("input", { id: "user", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
  const word = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });
  const go = h("button", { type: "submit", class: "primary" }, W.signIn);
  const send = async (event) => {
    event.preventDefault();
    go.disabled = true;
    fault.textContent = "";
    try {
      await signIn(user.value.trim(), word.value);
      done();
    } catch (error) {
      const waits = error instanceof Refused && error.status === 429;
      fault.textContent = error instanceof Offline ? W.offline(0) : waits ? W.signInWait(error.wait) : W.signInWrong;
      go.disabled = false;
      word.select();
    }
  };
  return h(
    "form",
    { class: "page sign-in", onsubmit: send },
    h("img", { src: "/teach/icon.svg", alt: "", width: "44", height: "44" }),
    h("h1", {}, W.signInTitle()),
    h("p", { class: "muted" }, W.signInText),
    h("label", { for: "user", class: "field" }, W.user, user),
    h("label", { for: "password", class: "field" }, W.password, word),
    fault,
    go,
  );
}

/** Which of several open rounds. Calls `open` with one of them. */
export function roundsPage(rounds, open) {
  const rows = rounds.map(([round, left]) =>
    h("li", {}, h("button", { type: "button", class: "past", onclick: () => open(round) }, h("span", { class: "name" }, round.name), h("span", { class: "answer" }, W.roundLeft(left)))),
  );
  return h("div", { class: "page" }, h("h1", { tabindex: "-1" }, W.roundsTitle), h("ul", { class: "pasts" }, rows));
}

/** Nothing is left: {submitted, discarded} of this teacher. */
export function donePage({ submitted, discarded }, past) {
  const any = submitted + discarded > 0;
  return h(
    "div",
    { class: "page done" },
    h("span", { class: "tick", "aria-hidden": "true" }, "✓"),
    h("h1", { tabindex: "-1" }, W.doneTitle),
    h("p", {}, any ? W.doneText(submitted, discarded) : W.doneOthers),
    h("p", { class: "muted" }, W.doneNext),
    any && button(W.answers, past, { class: "tool wide" }),
  );
}

/** No round is open. */
export function restPage() {
  return h("div", { class: "page" }, h("h1", { tabindex: "-1" }, W.restTitle), h("p", { class: "muted" }, W.restText));
}
