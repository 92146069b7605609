"""Drive JupyterLab as a student does: by menu, mouse and keyboard. What the notebook holds is read from the page's model."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SHOTS = ROOT / "build" / "browser"
QUIET = {"apputils-extension": {"notification": {"fetchNews": "false", "checkForUpdates": False}}}
CELLS = """() => jupyterapp.shell.currentWidget.content.widgets.map((cell) => {
  const { id, cell_type, source, outputs } = cell.model.sharedModel.toJSON();
  return { id, cell_type, source, outputs: outputs ?? [] };
})"""
STATES = """() => jupyterapp.shell.currentWidget.content.widgets
  .filter(({ model }) => model.type === "code" && model.sharedModel.getSource().trim())
  .map(({ model }) => [model.id, model.executionState === "running" ? null : model.executionCount])"""
FAILED = """() => jupyterapp.shell.currentWidget.content.widgets.some(({ model }) => model.type === "code"
  && [...Array(model.outputs.length).keys()].some((i) => model.outputs.get(i).type === "error"))"""
READY = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"


class Server:
    """JupyterLab on a free port with a token, over a copy of the notebooks, in the profile smoke; for `with`."""

    def __init__(self, folder):
        self.folder, self.notebooks = folder, folder / "notebooks"
        shutil.copytree(
            ROOT / "notebooks",
            self.notebooks,
            ignore=shutil.ignore_patterns("*.py", "__pycache__", ".ipynb_checkpoints"),
        )
        self.token = os.urandom(16).hex()
        self.port = None

    def __enter__(self):
        for extension, parts in QUIET.items():
            for name, settings in parts.items():
                file = self.folder / "settings" / "@jupyterlab" / extension / f"{name}.jupyterlab-settings"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(settings), encoding="utf-8")
        places = {
            "JUPYTERLAB_SETTINGS_DIR": "settings",
            "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
            "IPYTHONDIR": "ipython",
        }
        places |= {f"JUPYTER_{name}_DIR": name.lower() for name in ("CONFIG", "DATA", "RUNTIME")}
        places |= {"COURSE_BUILD": "build"}
        env = {name: value for name, value in os.environ.items() if name not in {"SEED", "SIZES", "EXERCISES"}}
        env |= {name: str(self.folder / place) for name, place in places.items()} | {"PROFILE": "smoke"}
        self._log = open(self.folder / "server.log", "w", encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser",
             "--ServerApp.port=0", f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.notebooks}"],
            env=env, stdout=self._log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            self._wait(120)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait(self, seconds):
        """Wait until the server answers; it chooses its port itself and writes it into a file."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            for file in (self.folder / "runtime").glob("jpserver-*.json"):
                try:
                    self.port = json.loads(file.read_text(encoding="utf-8"))["port"]
                    with urllib.request.urlopen(self.url(f"api/status?token={self.token}"), timeout=5):
                        return
                except (OSError, ValueError):
                    pass
            time.sleep(0.2)
        log = (self.folder / "server.log").read_text(encoding="utf-8")
        raise RuntimeError(f"JupyterLab did not answer within {seconds} s. Its last words:\n{log[-2000:]}")

    def url(self, path):
        """The address of something on the server."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def __exit__(self, *_):
        """Ask the server to end, with its kernels, and see to it."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)  # kernels end by themselves without their parent
                self._process.wait(20)
        self._log.close()


class Tab:
    """A browser's tab with JupyterLab in it."""

    def __init__(self, page, server):
        self.page, self.server = page, server
        self.errors = []  # of scripts in the page
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_default_timeout(60_000)

    def open(self, notebook):
        """Open a notebook, such as pytorch/02_vae.ipynb, by its address; wait for its kernel."""
        self.page.goto(self.server.url(f"lab/tree/{notebook}?reset&token={self.server.token}"))
        self.page.locator(".jp-NotebookPanel .jp-Cell").first.wait_for()
        self.page.wait_for_function(READY)

    def menu(self, name, entry):
        """Choose an entry of the menu bar."""
        self.page.locator(".lm-MenuBar-item", has_text=name).first.click()
        self.page.locator(".lm-Menu-item", has=self.page.get_by_text(entry, exact=True)).click()

    def cells(self):
        """All cells of the open notebook: dicts with id, cell_type, source, outputs."""
        return self.page.evaluate(CELLS)

    def counts(self):
        """Each code cell that holds code, by id: the number of its execution; None while it waits or runs."""
        return dict(self.page.evaluate(STATES))

    def run_all(self, seconds=300):
        """Run every cell from the menu; returns the cells."""
        self.menu("Run", "Run All Cells")
        return self._ran_all(seconds)

    def restart_and_run_all(self, seconds=300):
        """Restart the kernel from the menu, confirm, let every cell run; returns the cells."""
        self.menu("Kernel", "Restart Kernel and Run All Cells…")
        self.page.locator(".jp-Dialog").get_by_role("button", name="Confirm").click()
        return self._ran_all(seconds)

    def _ran_all(self, seconds):
        """Wait until each code cell has run, or one has failed. AssertionError that names those left when it takes longer."""
        self._until(self._waiting, 60, lambda: "no cell has begun to run")
        self._until(
            lambda: not self._waiting() or self.page.evaluate(FAILED),
            seconds,
            lambda: f"these cells have not run: {self._waiting()}",
        )
        return self.cells()

    def _waiting(self):
        return [name for name, count in self.counts().items() if count is None]

    def _until(self, reached, seconds, problem, pause=200):
        """Wait until `reached()` holds; AssertionError with the problem in words when it takes longer."""
        end = time.monotonic() + seconds
        while not reached():
            if time.monotonic() > end:
                raise AssertionError(f"after {seconds} s {problem()}")
            self.page.wait_for_timeout(pause)

    def cell(self, name):
        """The place on the page of the cell with this id, scrolled to."""
        at = [cell["id"] for cell in self.cells()].index(name)
        place = self.page.locator(f'.jp-Notebook .jp-Cell[data-windowed-list-index="{at}"]')
        place.wait_for(state="attached")
        place.evaluate("(node) => node.scrollIntoView({ block: 'start' })")
        return place

    def rewrite(self, name, source):
        """Replace a cell's source, by keyboard, and run it with Shift+Enter; returns its outputs."""
        self.cell(name).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)
        return self.run(name, focused=True)

    def run(self, name, focused=False, seconds=60):
        """Run one cell by Shift+Enter; returns its outputs."""
        if not focused:
            self.cell(name).locator(".cm-content").click()
        before = self.counts()[name]
        self.page.keyboard.press("Shift+Enter")
        self._until(lambda: self.counts()[name] not in (None, before), seconds, lambda: f"{name} has not run")
        return next(cell["outputs"] for cell in self.cells() if cell["id"] == name)

    def shot(self, name):
        """A picture of the tab as the reader sees it, under build/browser/."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png")


def text_of(outputs):
    """All printed text of a cell."""
    return "".join("".join(output.get("text", "")) for output in outputs if output["output_type"] == "stream")


def failures(cells):
    """Cells with an error among their outputs: id and error."""
    return [
        f"{cell['id']}: {output['ename']}: {output['evalue']}"
        for cell in cells for output in cell["outputs"] if output["output_type"] == "error"
    ]  # fmt: skip


def changed(page, place, act, seconds=20):
    """Whether the pixels of a place differ after `act()` from before, within the time."""
    before = place.screenshot()
    act()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if place.screenshot() != before:
            return True
        page.wait_for_timeout(100)
    return False
