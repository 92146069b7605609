// The browser's half of helpers.two_choices: two pictures, a button for each, keys 1 and 2 or the arrows, the result.
// Nothing is fetched, and the truth of a pair is never here: the kernel counts. A press goes out with its pair's number.

const STYLE = `
.two-choices { display: inline-block; padding: 8px; font: 14px/1.4 system-ui, sans-serif; max-width: 100%;
  background: #fff; color: #1a1a1a; }
.two-choices:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
.two-choices .question { font-weight: 600; margin-bottom: 6px; }
.two-choices .pair { display: flex; gap: 24px; }
.two-choices .side { display: flex; flex-direction: column; gap: 6px; align-items: stretch; }
.two-choices .side img { width: 192px; height: 192px; object-fit: contain; image-rendering: pixelated; background: #eee; }
.two-choices button { font: inherit; padding: 6px 12px; color: #1a1a1a; background: #f2f2f2; border: 1px solid #6e6e6e;
  border-radius: 4px; cursor: pointer; }
.two-choices button:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
.two-choices button[aria-disabled="true"] { color: #595959; cursor: default; }
.two-choices progress { width: 100%; margin-top: 8px; accent-color: #0072b2; }
.two-choices .status { margin: 6px 0; max-width: 60ch; font-variant-numeric: tabular-nums; }
.two-choices .help { font-size: 12px; color: #4a4a4a; max-width: 60ch; }
.two-choices .review { max-width: 100%; display: block; margin: 8px 0; }
.two-choices [hidden] { display: none; }
`;
const KEYS = { 1: "left", 2: "right", ArrowLeft: "left", ArrowRight: "right" };

function element(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  parent.append(node);
  return node;
}

function setPicture(image, view) {
  const old = image.src;
  if (view && view.byteLength) {
    const data = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
    image.src = URL.createObjectURL(new Blob([data], { type: "image/png" }));
  } else image.removeAttribute("src");
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

function render({ model, el }) {
  const root = element("div", "two-choices", el);
  element("style", "", root, STYLE);
  root.tabIndex = 0;
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab: 1, 2 and the arrows are ours while the focus is in here
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", model.get("question"));
  element("div", "question", root, model.get("question"));
  const pair = element("div", "pair", root);
  const sides = ["left", "right"].map((name, i) => {
    const side = element("div", "side", pair);
    const image = element("img", "", side);
    const button = element("button", "", side, i === 0 ? "1 · the left one" : "2 · the right one");
    button.type = "button";
    button.addEventListener("click", () => choose(name));
    image.addEventListener("click", () => choose(name));
    return { name, image, button };
  });
  const bar = element("progress", "", root);
  const status = element("div", "status", root);
  status.setAttribute("role", "status");
  status.setAttribute("aria-live", "polite");
  const help = element("div", "help", root, "Press a button, or the keys 1 and 2, or ← and →. There is no time limit. "
    + "Your answers stay in this notebook's kernel.");
  const review = element("img", "review", root);
  const again = element("button", "", root, "Start again with other pairs");
  again.type = "button";
  again.addEventListener("click", () => { model.send({ again: true }); root.focus(); });

  let sent = 0; // the pair whose answer is on its way
  let timer = null;

  function choose(name) {
    if (model.get("finished") || sent === model.get("number")) return;
    sent = model.get("number");
    clearTimeout(timer);
    timer = setTimeout(() => { sent = 0; showState(); }, 3000); // a kernel that doesn't answer: let them press again
    model.send({ choice: name, number: sent });
    showState();
  }
  function showState() {
    const finished = model.get("finished");
    const answered = finished ? model.get("total") : model.get("number") - 1;
    pair.hidden = help.hidden = finished;
    review.hidden = again.hidden = !finished;
    bar.max = model.get("total");
    bar.value = answered;
    bar.setAttribute("aria-label", `${answered} of ${model.get("total")} pairs answered`);
    if (status.textContent !== model.get("status")) status.textContent = model.get("status");
    for (const side of sides) {
      side.image.alt = `the ${side.name} picture of pair ${model.get("number")}`;
      side.button.setAttribute("aria-disabled", String(finished || sent === model.get("number")));
    }
  }
  function showPair() {
    sent = 0;
    clearTimeout(timer);
    setPicture(sides[0].image, model.get("left"));
    setPicture(sides[1].image, model.get("right_picture"));
    showState();
  }
  function showEnd() {
    const hadFocus = root.contains(document.activeElement);
    setPicture(review, model.get("review"));
    review.alt = model.get("review_alt");
    showState();
    if (hadFocus && model.get("finished")) again.focus();
  }

  root.addEventListener("keydown", (event) => {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) choose(KEYS[event.key]);
  });

  const handlers = [["change:left", showPair], ["change:number", showPair], ["change:right_picture", showPair],
    ["change:status", showState], ["change:finished", showEnd], ["change:review", showEnd]];
  for (const [event, handler] of handlers) model.on(event, handler);
  showPair();
  showEnd();
  return () => {
    clearTimeout(timer);
    for (const [event, handler] of handlers) model.off(event, handler);
    for (const image of [...sides.map((side) => side.image), review]) setPicture(image, null);
  };
}

export default { render };
