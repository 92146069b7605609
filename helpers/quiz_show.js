/* Put a lesson's quiz into every container of its class that waits for one, and make jupyterquiz's widgets
   easier to reach: announced feedback, named inputs, check boxes where several answers are right. */
function courseQuiz(questions, name, tries) {
  const waiting = document.querySelectorAll("." + name + ":not([data-shown])");
  if (!waiting.length) {
    if (tries > 0) setTimeout(() => courseQuiz(questions, name, tries - 1), 200);
    return;
  }
  waiting.forEach((root) => {
    root.dataset.shown = "yes";
    root.id = "quiz" + makeid(12);
    root.replaceChildren();
    show_questions(questions, root);
    root.querySelectorAll(".Quiz").forEach((wrapper, index) => courseQuizAccess(wrapper, questions[index]));
  });
}
function courseQuizAccess(wrapper, question) {
  const text = wrapper.firstElementChild;
  wrapper.setAttribute("role", "group");
  wrapper.setAttribute("aria-labelledby", text.id);
  const feedback = wrapper.querySelector(".Feedback");
  feedback.setAttribute("role", "status");
  feedback.setAttribute("aria-live", "polite");
  const several = question.type === "many_choice";
  const inputs = wrapper.querySelectorAll(".MCButton input");
  inputs.forEach((input) => {
    if (several) input.type = "checkbox";
  });
  const mark = () => inputs.forEach((input) => (input.checked = /correctButton/i.test(input.parentElement.className)));
  wrapper.addEventListener("click", () => setTimeout(mark, 0));
  wrapper.querySelectorAll(".Input-text").forEach((input) => {
    const label = wrapper.querySelector(".InpLabel");
    label.htmlFor = input.id;
    label.textContent = "Your answer" + (question.unit ? " in " + question.unit : "") + ", then Enter:";
    input.setAttribute("aria-describedby", text.id);
    input.inputMode = "decimal";
  });
}
