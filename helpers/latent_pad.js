// The browser's half of helpers.latent_pad: a square to drag in, the codes behind it, the decoded image beside it.
// Nothing is fetched. A new place is sent to the kernel only after the answer to the last one, so that dragging never queues.

const STYLE = `
.latent-pad { display: flex; flex-wrap: wrap; gap: 16px; align-items: flex-start; padding: 6px;
  font: 14px/1.4 system-ui, sans-serif; color: var(--jp-content-font-color1, #1a1a1a); }
.latent-pad .pad { position: relative; width: 340px; height: 340px; background: #fff; border: 1px solid #6e6e6e;
  cursor: crosshair; touch-action: none; user-select: none; }
.latent-pad .pad:focus-visible { outline: 3px solid #0072b2; outline-offset: 2px; }
.latent-pad canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
.latent-pad .handle { position: absolute; width: 18px; height: 18px; margin: -9px 0 0 -9px; border-radius: 50%;
  border: 3px solid #000; background: rgba(255, 255, 255, 0.6); box-shadow: 0 0 0 2px #fff; pointer-events: none; }
.latent-pad img { width: 224px; height: 224px; object-fit: contain; image-rendering: pixelated; background: #ddd; display: block; }
.latent-pad .place { margin-top: 8px; font-variant-numeric: tabular-nums; max-width: 260px; overflow-wrap: anywhere; }
.latent-pad .help { font-size: 12px; opacity: 0.85; max-width: 260px; }
.latent-pad .failed { color: #a12a00; background: #fff; font-weight: 600; }
`;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const SIDE = 340;
let count = 0;

function element(tag, className, parent, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  parent.append(node);
  return node;
}

function bytes(view) {
  return view ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice() : new Uint8Array();
}

function marker(ctx, kind, x, y, r) {
  ctx.beginPath();
  if (kind % 3 === 0) ctx.arc(x, y, r, 0, 2 * Math.PI);
  else if (kind % 3 === 1) ctx.rect(x - r, y - r, 2 * r, 2 * r);
  else { ctx.moveTo(x, y - 1.3 * r); ctx.lineTo(x + 1.2 * r, y + r); ctx.lineTo(x - 1.2 * r, y + r); ctx.closePath(); }
  ctx.fill();
}

function drawCodes(canvas, model, toPixels) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = canvas.height = SIDE * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  const [zeroX, zeroY] = toPixels([0, 0]);
  ctx.strokeStyle = "#cccccc";
  ctx.beginPath();
  ctx.moveTo(zeroX, 0); ctx.lineTo(zeroX, SIDE); ctx.moveTo(0, zeroY); ctx.lineTo(SIDE, zeroY);
  ctx.stroke();
  const points = new Float32Array(bytes(model.get("points")).buffer);
  const classes = bytes(model.get("classes"));
  const colours = model.get("colours");
  ctx.globalAlpha = 0.65;
  for (let i = 0; i < points.length / 2; i++) {
    ctx.fillStyle = colours[classes[i] % colours.length];
    const [x, y] = toPixels([points[2 * i], points[2 * i + 1]]);
    marker(ctx, classes[i], x, y, 1.8);
  }
  ctx.globalAlpha = 1;
  ctx.font = "bold 13px system-ui, sans-serif";
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const [name, z] of model.get("names")) {
    const [x, y] = toPixels(z);
    const width = ctx.measureText(name).width + 8;
    ctx.fillStyle = "rgba(255, 255, 255, 0.85)";
    ctx.fillRect(x - width / 2, y - 9, width, 18);
    ctx.fillStyle = "#1a1a1a";
    ctx.fillText(name, x, y + 1);
  }
}

function render({ model, el }) {
  const [low, high] = [model.get("low"), model.get("high")];
  const toPixels = (z) => [((z[0] - low[0]) / (high[0] - low[0])) * SIDE, ((high[1] - z[1]) / (high[1] - low[1])) * SIDE];
  const inside = (z) => z.map((v, i) => Math.min(high[i], Math.max(low[i], v)));
  const id = `latent-pad-help-${count++}`;

  const root = element("div", "latent-pad", el);
  element("style", "", root, STYLE);
  const pad = element("div", "pad", root);
  const canvas = element("canvas", "", pad);
  const handle = element("div", "handle", pad);
  const side = element("div", "", root);
  const image = element("img", "", side);
  const place = element("div", "place", side);
  const help = element("div", "help", side, "Drag in the square, or focus it and use the arrow keys (Shift: bigger steps, Home: middle).");
  help.id = id;
  pad.tabIndex = 0;
  pad.dataset.lmSuppressShortcuts = "true"; // JupyterLab: the arrow keys are ours while the square has the focus
  for (const [name, value] of Object.entries({
    role: "application", "aria-roledescription": "two-dimensional slider", "aria-label": model.get("label"), "aria-describedby": id,
  })) pad.setAttribute(name, value);
  place.setAttribute("role", "status");
  place.setAttribute("aria-live", "polite");
  image.alt = "the image decoded at this place";

  let wanted = model.get("position");
  let waiting = null; // the timer of the question that the kernel has not answered yet
  let dirty = false;

  function show() {
    const [x, y] = toPixels(wanted);
    handle.style.left = `${x}px`;
    handle.style.top = `${y}px`;
    const failure = model.get("failure");
    place.classList.toggle("failed", Boolean(failure));
    place.textContent = failure || `z = (${wanted.map((v) => v.toFixed(2).replace("-", "−")).join(", ")})`;
  }
  function send() {
    if (waiting !== null) { dirty = true; return; }
    dirty = false;
    waiting = setTimeout(answered, 3000); // a busy kernel: ask again later
    model.set("position", wanted);
    model.save_changes();
  }
  function answered() {
    clearTimeout(waiting);
    waiting = null;
    if (dirty) send();
  }
  function move(z) {
    wanted = inside(z);
    show();
    send();
  }
  function drag(event) {
    const box = pad.getBoundingClientRect();
    const share = [(event.clientX - box.left) / box.width, (box.bottom - event.clientY) / box.height];
    move(share.map((v, i) => low[i] + v * (high[i] - low[i])));
  }
  function drawImage() {
    const old = image.src;
    const data = bytes(model.get("image"));
    if (data.length) image.src = URL.createObjectURL(new Blob([data], { type: "image/png" }));
    if (old.startsWith("blob:")) URL.revokeObjectURL(old);
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    pad.focus();
    drag(event);
    event.preventDefault();
  });
  pad.addEventListener("pointermove", (event) => { if (pad.hasPointerCapture(event.pointerId)) drag(event); });
  pad.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.1 : 0.02;
    if (event.key in KEYS) move(wanted.map((v, i) => v + KEYS[event.key][i] * step * (high[i] - low[i])));
    else if (event.key === "Home") move(low.map((v, i) => (v + high[i]) / 2));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  const onPosition = () => {
    if (waiting !== null) return;
    wanted = model.get("position");
    show();
  };
  const handlers = [["change:image", drawImage], ["change:answers", answered], ["change:failure", show], ["change:position", onPosition]];
  for (const [event, handler] of handlers) model.on(event, handler);
  drawCodes(canvas, model, toPixels);
  drawImage();
  show();
  return () => {
    clearTimeout(waiting);
    for (const [event, handler] of handlers) model.off(event, handler);
    if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  };
}

export default { render };
