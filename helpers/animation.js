// The player of helpers.animation. It takes the place of the row of still frames; nothing is fetched, nothing is global.

const STEP = 500; // milliseconds a frame
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };
const reduced = window.matchMedia("(prefers-reduced-motion: reduce)");

function element(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  parent.append(node);
  return node;
}

function player(root) {
  const still = new Map([...root.querySelectorAll("img[data-frame]")].map((image) => [Number(image.dataset.frame), image.src]));
  const sources = labels.map((_, i) => still.get(i) ?? sent[i]);
  const last = sources.length - 1;
  root.querySelector(".stills").remove();
  const image = element("img", "frame", root);
  const bar = element("div", "bar", root);
  const button = element("button", "", bar);
  const slider = element("input", "", bar);
  const line = element("output", "", bar);
  image.style.width = `${width}px`;
  button.type = "button";
  for (const [name, value] of Object.entries({ type: "range", min: 0, max: last, step: 1, "aria-label": `Frame of the animation: ${alt}` })) {
    slider.setAttribute(name, value);
  }
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab: keys are ours while the focus is in here
  line.setAttribute("role", "status");

  let at = 0;
  let timer = null;

  function show(frame) {
    at = Math.min(last, Math.max(0, frame));
    image.src = sources[at];
    image.alt = `${alt} Shown: ${labels[at]}.`;
    slider.value = at;
    slider.setAttribute("aria-valuetext", `${labels[at]}, frame ${at + 1} of ${last + 1}`);
    line.textContent = `${labels[at]} (${at + 1} of ${last + 1})`;
  }
  function name() {
    button.textContent = reduced.matches ? "Next frame" : timer === null ? "▶ Play" : "❚❚ Pause";
    button.setAttribute("aria-label", reduced.matches ? "Next frame" : timer === null ? "Play the animation" : "Pause the animation");
    line.setAttribute("aria-live", timer === null ? "polite" : "off"); // no stream of announcements while it plays
  }
  function pause() {
    clearTimeout(timer);
    timer = null;
    name();
  }
  function tick() {
    if (!root.isConnected || at === last) { pause(); return; }
    show(at + 1);
    timer = setTimeout(tick, STEP);
  }
  button.addEventListener("click", () => {
    if (reduced.matches) show(at === last ? 0 : at + 1);
    else if (timer !== null) pause();
    else {
      if (at === last) show(0);
      timer = setTimeout(tick, STEP);
      name();
    }
  });
  slider.addEventListener("input", () => {
    pause();
    show(Number(slider.value));
  });
  root.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    let frame = null;
    if (event.key in KEYS) frame = at + KEYS[event.key];
    else if (event.key === "Home") frame = 0;
    else if (event.key === "End") frame = last;
    else return;
    pause();
    show(frame);
    event.preventDefault();
    event.stopPropagation();
  });
  reduced.addEventListener("change", pause);
  show(0);
  name();
}

function start(tries) {
  const found = document.querySelectorAll(`.${mark}:not([data-playing])`);
  for (const root of found) {
    root.dataset.playing = "true";
    player(root);
  }
  if (!found.length && tries) setTimeout(() => start(tries - 1), 100); // the output isn't on the page yet
}
start(50);
