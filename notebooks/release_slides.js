// Shows one slide at a time; arrow keys, Page Up and Down, the space bar, Home and End.
(function () {
  const slides = Array.from(document.querySelectorAll("section"));
  const count = document.querySelector("nav output");
  let now = 0;
  function show(next, quiet) {
    now = Math.max(0, Math.min(slides.length - 1, next));
    slides.forEach((slide, i) => slide.classList.toggle("now", i === now));
    count.textContent = "Slide " + (now + 1) + " of " + slides.length;
    history.replaceState(null, "", "#" + (now + 1));
    slides[now].scrollTop = 0;
    fit(slides[now]);
    if (!quiet) slides[now].querySelector("h1, h2").focus();
  }
  function fit(slide) { // smaller letters where a slide is fuller than it was thought; beyond that it scrolls
    for (let size = 100; size >= 70; size -= 3) {
      slide.style.fontSize = size + "%";
      if (slide.scrollHeight <= slide.clientHeight && slide.scrollWidth <= slide.clientWidth) return;
    }
  }
  window.addEventListener("resize", () => fit(slides[now]));
  const keys = {ArrowRight: 1, PageDown: 1, " ": 1, ArrowLeft: -1, PageUp: -1, Home: -Infinity, End: Infinity};
  document.addEventListener("keydown", function (event) {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.tagName === "BUTTON") return;
    event.preventDefault();
    show(now + (event.key === " " && event.shiftKey ? -1 : keys[event.key]));
  });
  document.querySelectorAll("nav button").forEach(function (button, i) {
    button.addEventListener("click", () => show(now + (i ? 1 : -1), true));
  });
  document.body.classList.add("shown");
  show((parseInt(location.hash.slice(1), 10) || 1) - 1, true);
})();
