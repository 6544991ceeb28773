// Elements of the page, made without any markup.

/** An element: h("button", {class: "card", onclick: f, "aria-label": "…"}, child, …). Undefined, null and false attributes are left out. */
export function h(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** A button with a text. */
export const button = (text, onclick, attributes = {}) => h("button", { type: "button", onclick, ...attributes }, text);

/** Read a sentence to those who listen. */
export function say(text) {
  const place = document.getElementById("said");
  place.textContent = "";
  requestAnimationFrame(() => (place.textContent = text));
}

/** Show a modal dialog; it is gone when it is closed. Returns it. */
export function dialog(title, content, { kind = "", closeWord, onclose } = {}) {
  const name = `dialog-${Date.now()}`;
  const made = h(
    "dialog",
    { class: `sheet ${kind}`, "aria-labelledby": name },
    h(
      "div",
      { class: "sheet-head" },
      h("h2", { id: name }, title),
      button("✕", () => made.close(), { class: "round", "aria-label": closeWord }),
    ),
    content,
  );
  made.addEventListener("close", () => {
    made.remove();
    onclose?.();
  });
  made.addEventListener("click", (event) => event.target === made && made.close());
  document.body.append(made);
  made.showModal();
  return made;
}
