// A quiz in the browser: every answer is judged at once, the score stands at the end, and the answers are kept in this
// browser's storage, under the quiz's name. A fingerprint of the questions lies beside them: a changed quiz starts anew.
// Nothing is fetched or sent. Where storage is blocked, the answers last as long as the page.

const MOVES = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };
const storageKey = "pixels-from-noise/" + name;

function element(tag, className, parent, markup = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.innerHTML = markup;
  parent.append(node);
  return node;
}
function announced(className, parent) { // a line that screen readers read out when it changes
  const line = element("p", className, parent);
  line.setAttribute("role", "status");
  line.setAttribute("aria-live", "polite");
  return line;
}

// --- what is kept: for each question the tries so far, as numbers of answers or as the texts typed

function valid(tries) {
  const possible = (one, i) => (questions[i].kind === "numeric" ? Number.isFinite(numberIn(String(one)))
    : Number.isInteger(one) && one >= 0 && one < questions[i].answers.length);
  return Array.isArray(tries) && tries.length === questions.length
    && tries.every((own, i) => Array.isArray(own) && own.every((one) => possible(one, i)));
}
function stored() {
  try {
    const kept = JSON.parse(localStorage.getItem(storageKey));
    return kept.quiz === fingerprint && valid(kept.tries) ? kept.tries : null;
  } catch {
    return null;
  }
}
function keep(tries) {
  try {
    if (tries.some((own) => own.length)) localStorage.setItem(storageKey, JSON.stringify({ quiz: fingerprint, tries }));
    else localStorage.removeItem(storageKey);
    return true;
  } catch {
    return false;
  }
}
function storageWorks() {
  try {
    localStorage.setItem(storageKey + "?", "");
    localStorage.removeItem(storageKey + "?");
    return true;
  } catch {
    return false;
  }
}

// --- what is right

function numberIn(text) {
  const plain = text.trim().replace(/[−–]/g, "-");
  const number = "[-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:e[-+]?\\d+)?";
  if (!new RegExp(`^${number}(?:\\s*/\\s*${number})?$`, "i").test(plain)) return NaN;
  return plain.split("/").map(Number).reduce((above, below) => above / below);
}
function verdict(question, one) { // of one try: { right, feedback }
  if (question.kind !== "numeric") return question.answers[one];
  const value = numberIn(String(one));
  return question.answers.find(({ low, high }) => low <= value && value <= high)
    ?? { right: false, feedback: question.otherwise };
}
function standing(question, tries) { // answered: the first try is decided; solved: all that is right was found
  const wanted = question.kind === "multiple" ? question.answers.filter(({ right }) => right).length : 1;
  const found = new Set();
  let missed = false;
  for (const one of tries) {
    if (verdict(question, one).right) found.add(question.kind === "numeric" ? 0 : one);
    else if (found.size < wanted) missed = true;
  }
  const solved = found.size === wanted;
  return { wanted, found: found.size, answered: missed || solved, first: solved && !missed };
}
function scoreText(tries) {
  const all = questions.map((question, i) => standing(question, tries[i]));
  const answered = all.filter((one) => one.answered).length;
  const first = all.filter((one) => one.first).length;
  const points = (list) => list.reduce((sum, question) => sum + question.points, 0);
  if (!answered) return `${questions.length} questions, ${points(questions)} points. None is answered yet.`;
  if (answered < questions.length) {
    return `${answered} of ${questions.length} questions answered, ${first} right at the first try.`;
  }
  const won = points(questions.filter((question, i) => all[i].first));
  return `${first} of ${questions.length} right at the first try: ${won} of ${points(questions)} points.`;
}

// --- what is seen

function choices(question, box, answer) {
  const kind = question.kind === "single" ? "radio" : "checkbox";
  const group = "quiz" + Math.random().toString(36).slice(2);
  const labels = question.answers.map(({ text }, i) => {
    const label = element("label", "answer", box);
    const input = element("input", "", label);
    input.type = kind;
    input.name = group;
    element("span", "", label, text);
    element("span", "mark", label);
    input.addEventListener("click", () => answer(i));
    return label;
  });
  const inputs = labels.map((label) => label.querySelector("input"));
  box.addEventListener("keydown", (event) => {
    const at = inputs.indexOf(event.target);
    if (event.key === "Enter") event.target.click();
    else if (kind === "radio" && event.key in MOVES) inputs.at((at + MOVES[event.key]) % inputs.length).focus();
    else return; // by itself the browser would choose with every arrow key, and spoil the first try
    event.preventDefault();
  });
  return (tries) => labels.forEach((label, i) => {
    const tried = tries.includes(i);
    const right = question.answers[i].right;
    label.dataset.state = tried ? (right ? "right" : "wrong") : "";
    label.querySelector(".mark").textContent = tried ? (right ? "✔ right" : "✘ wrong") : "";
    inputs[i].checked = kind === "radio" ? i === tries.at(-1) : tried;
  });
}
function numberField(question, box, answer, complain) {
  box.classList.add("typed");
  const label = element("label", "", box, `Your answer${question.unit ? " in " + question.unit : ""}: `);
  const input = element("input", "number", label);
  input.type = "text";
  input.inputMode = "decimal";
  input.autocomplete = "off";
  const button = element("button", "", box, "Check");
  button.type = "button";
  const check = () => {
    if (Number.isFinite(numberIn(input.value))) answer(input.value.trim());
    else complain("This can't be read as a number. Write it like 0.5, -3, 3/4 or 1e-3. It doesn't count as a try.");
  };
  button.addEventListener("click", check);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    check();
  });
  let shown;
  return (tries) => {
    const last = tries.at(-1);
    if (last !== shown) input.value = last ?? ""; // what is being typed stays
    shown = last;
    input.dataset.state = last === undefined ? "" : verdict(question, last).right ? "right" : "wrong";
  };
}
function build(question, root, answer) {
  const field = element("fieldset", "question", root);
  element("legend", "", field, `<span class="task">${question.task}</span> ${question.text}`);
  if (question.code) element("pre", "", field, `<code>${question.code}</code>`);
  const box = element("div", "answers", field);
  const feedback = announced("feedback", field);
  const complain = (text) => {
    feedback.dataset.state = "wrong";
    feedback.textContent = text;
  };
  const paint = (question.kind === "numeric" ? numberField : choices)(question, box, answer, complain);
  return (tries) => {
    paint(tries);
    const { right, feedback: text } = tries.length ? verdict(question, tries.at(-1)) : { feedback: "" };
    const { found, wanted } = standing(question, tries);
    const count = wanted > 1 && text ? ` (${found} of ${wanted} found)` : "";
    feedback.dataset.state = text ? (right ? "right" : "wrong") : "";
    const now = text && (right ? "✔ " : "✘ ") + text + count;
    if (feedback.innerHTML !== now) feedback.innerHTML = now;
  };
}
function fill(root) {
  let keeps = storageWorks();
  let tries = stored() ?? questions.map(() => []);
  root.dataset.shown = "yes";
  root.dataset.lmSuppressShortcuts = "true"; // JupyterLab: keys are ours while the focus is in here
  root.replaceChildren();
  const painters = questions.map((question, i) => build(question, root, (one) => {
    refresh();
    if (tries[i].at(-1) !== one) tries[i].push(one);
    changed();
  }));
  const end = element("div", "end", root);
  const score = announced("score", end);
  const again = element("button", "again", end, "Start again");
  again.type = "button";
  again.addEventListener("click", () => {
    tries = questions.map(() => []);
    changed();
  });
  const note = element("p", "kept", end);

  function changed() {
    keeps = keep(tries) && keeps;
    paint();
    document.dispatchEvent(new Event(storageKey)); // other copies of this quiz on the page
  }
  function refresh() {
    if (keeps) tries = stored() ?? questions.map(() => []);
  }
  function paint() {
    painters.forEach((one, i) => one(tries[i]));
    const text = scoreText(tries);
    if (score.textContent !== text) score.textContent = text;
    note.textContent = keeps
      ? "Your answers are kept in this browser until you start again. They are sent nowhere."
      : "This page may keep nothing in your browser: your answers last until it is closed. They are sent nowhere.";
  }
  const follow = () => {
    refresh();
    paint();
  };
  document.addEventListener(storageKey, follow);
  window.addEventListener("storage", (event) => event.key === storageKey && follow()); // this quiz in another tab
  paint();
}
function start(waits) {
  const found = document.querySelectorAll(`.${name}:not([data-shown])`);
  found.forEach(fill);
  if (!found.length && waits) setTimeout(() => start(waits - 1), 200); // the output isn't on the page yet
}
start(50);
