"""Accessibility findings of a page by axe-core, of any impact."""

from dataclasses import dataclass

from axe_playwright_python.base import AXE_SCRIPT

# Code on a page is thousands of coloured words. The longest of each colour is left an element of its own, the others become
# text of their line: no rule but that of contrast looks at them, and that one has then seen every colour.
FEWER_WORDS = """() => {
  const words = [...document.querySelectorAll(".highlight pre span[class]")];
  words.sort((one, other) => other.textContent.length - one.textContent.length);
  const seen = new Set();
  for (const word of words) {
    if (seen.has(word.className)) word.replaceWith(...word.childNodes);
    else seen.add(word.className);
  }
  document.querySelectorAll(".highlight pre").forEach((code) => code.normalize());
}"""
RUN = """async (context) => {
  const found = await axe.run(context ?? document, { resultTypes: ["violations"], selectors: false, preload: false });
  return found.violations.map(({ id, impact, help, nodes }) =>
    ({ id, impact, help, count: nodes.length, example: nodes[0].html, why: nodes[0].failureSummary }));
}"""


@dataclass(frozen=True)
class Finding:
    """A rule that a page breaks: its name and impact, how often, and the first place."""

    rule: str
    impact: str
    count: int
    text: str

    def __str__(self):
        return f"{self.impact}: {self.rule} ({self.count} times): {self.text}"


def findings(page, context=None):
    """What axe finds on the page, or in the parts of it that a selector names."""
    page.evaluate(FEWER_WORDS)
    page.evaluate(AXE_SCRIPT)
    return [
        Finding(
            one["id"], one["impact"], one["count"], " | ".join([one["help"], one["example"][:300], one["why"][:300]])
        )
        for one in page.evaluate(RUN, context)
    ]
