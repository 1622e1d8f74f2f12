"""The page in headless Chromium: load a map, filter, select, see, hear, ignore, export.

Takes about a minute: `pytest -m browser` runs it, with gradio, selenium and Chromium installed.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from maimod.findings import BeatmapReport, ModelInfo, Report
from maimod.reporters import REPORTERS
from maimod.reporters.album import Album
from maimod.reporters.view import View
from tests.evidence.test_evidence import analysis

pytest.importorskip("gradio")
webdriver = pytest.importorskip("selenium.webdriver")
StaleElementReferenceException = pytest.importorskip("selenium.common").StaleElementReferenceException
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its driver"),
]

ROOT = Path(__file__).parents[2]
ESCAPE, RIGHT = "\ue00c", "\ue014"
"""Keys, as WebDriver writes them."""
FAULTY = ROOT / "examples" / "maimod example" / "maimod - Example (maimod) [Faulty].osu"
PATIENCE_S = 180
"""How long something may take on a busy machine [s]; on a free one it is there at once."""
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--window-size=1280,1200",
)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    environment = dict(os.environ, PYTHONUNBUFFERED="1", MAIMOD_CACHE_DIR=str(tmp_path_factory.mktemp("cache")))
    server = subprocess.Popen(
        [sys.executable, "mai_mod_ui.py", "--no-browser"], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    )
    line = server.stdout.readline()
    assert "http://127.0.0.1:" in line, line
    yield line.split()[2]
    server.terminate()
    server.wait(10)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium, address, tmp_path):
    """A new tab that remembers nothing, of one Chromium for all tests: starting it takes seconds."""
    before = chromium.current_window_handle
    chromium.switch_to.new_window("tab")
    own = chromium.current_window_handle
    chromium.switch_to.window(before)
    chromium.close()
    chromium.switch_to.window(own)
    chromium.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": address.rstrip("/"), "storageTypes": "all"})
    chromium.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    for kind in ("performance", "browser"):
        chromium.get_log(kind)
    return chromium


class Page:
    def __init__(self, driver, address):
        self.driver = driver
        driver.get(address)

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def wait(self, condition, what=""):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            with suppress(StaleElementReferenceException):  # the page has drawn it anew meanwhile
                if found := condition():
                    return found
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE_S} s: {what}")

    def one(self, css):
        return self.wait(lambda: self.all(css), css)[0]

    def script(self, code):
        return self.driver.execute_script(f"return {code}")

    def press(self, keys):
        self.one("body").send_keys(keys)

    def choose(self, css, value):
        code = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change', {bubbles: true}))"
        self.driver.execute_script(code, self.one(css), value)

    def lint(self, path):
        box = self.one("#mm-path input")
        box.clear()
        box.send_keys(str(path) + "\n")

    def wait_for_end(self):
        self.wait(lambda: "done" in self.one(".mm-run").get_attribute("class"), "the end of the run")

    def keys(self):
        return [row.get_attribute("data-key") for row in self.all(".mm-row")]


def test_a_mapper_at_work(address, browser, tmp_path):
    page = Page(browser, address)
    page.lint(tmp_path / "nothing.osu")
    page.wait(lambda: "no such file" in page.one(".mm-run.error").text, "one line about the bad path")

    began = time.monotonic()
    page.lint(FAULTY)
    page.one(".mm-row")  # exact findings come first
    page.wait_for_end()
    first_run_s = time.monotonic() - began
    count = len(page.all(".mm-row"))
    assert count > 5
    page.wait(lambda: len(page.all(".mm-mark")) > 5, "the timeline")

    # Filters
    page.one('[data-filter="problem"]').click()
    assert 0 < len(page.all(".mm-row")) == len(page.all(".mm-row.problem")) < count
    page.one('[data-filter="problem"]').click()
    search = page.one(".mm-filters input")
    search.send_keys("clap")
    page.wait(lambda: 0 < len(page.all(".mm-row")) < count, "search")
    search.send_keys("\b" * 4)

    # Select: by keyboard, in the timeline; see
    page.wait(lambda: len(page.all(".mm-row")) == count, "all again")
    page.press("j")
    stamp = page.one(".mm-link")
    assert stamp.get_attribute("href").startswith("osu://edit/") and len(page.all(".mm-row.mm-selected")) == 1
    page.one(".mm-evidence .mm-field")
    assert page.all(".mm-evidence .mm-spectrum image") and page.all(".mm-evidence .mm-rule")
    before = page.one(".mm-row.mm-selected").get_attribute("data-key")
    mark = next(one for one in page.all(".mm-mark") if one.get_attribute("data-key") != before)
    page.driver.execute_script("arguments[0].click()", mark)  # marks may lie over each other
    page.wait(lambda: page.one(".mm-row.mm-selected").get_attribute("data-key") != before, "click in the timeline")
    page.press("+")
    page.wait(lambda: page.script("document.querySelector('.mm-strip').viewBox.baseVal.width") < 60_000, "zoom")

    # Hear
    page.one('[data-rate="0.75"]').click()
    page.one(".mm-play").click()
    page.wait(lambda: page.one(".mm-play").text == "Stop", "playing")
    page.wait(lambda: float(page.one(".mm-now").get_attribute("opacity")) == 1, "the line that moves along")
    page.one(".mm-play").click()

    # What the model would go on with: beside the map and on the timeline, gone with the finding
    page.driver.execute_script("arguments[0].click()", page.one(".mm-go-on"))
    page.one(".mm-continuations .mm-ghost")
    assert len(page.all(".mm-passage")) == 4 and page.one(".mm-has-ghosts .mm-ghost-lane").is_displayed()
    page.press("k")
    page.wait(lambda: not page.all(".mm-ghost, .mm-has-ghosts"), "no ghosts at another finding")
    page.press("j")

    # Ignore
    page.one(".mm-list").click()
    page.press("i")
    page.wait(lambda: "ignored" in page.one(".mm-count").text and len(page.all(".mm-row")) == count - 1, "ignored")
    left = int(re.search(r"of (\d+) finding", page.one(".mm-count").text)[1])

    # To post: listed alone when asked for
    page.press("p")
    page.wait(lambda: "1 to post" in page.one(".mm-count").text, "to post")
    page.choose('[data-select="state"]', "post")
    page.wait(lambda: len(page.all(".mm-row")) == 1 and page.all(".mm-row.post"), "what is to post")
    page.choose('[data-select="state"]', "open")
    page.wait(lambda: len(page.all(".mm-row")) == count - 1, "all that is open")

    # Export
    for name, suffix in (("json", "json"), ("markdown", "md"), ("html", "html")):
        page.one(f'[data-export="{name}"]').click()
        file = tmp_path / f"maimod.{suffix}"
        page.wait(file.exists, name)
    page.wait(lambda: json.loads((tmp_path / "maimod.json").read_text()), "JSON")
    assert len(json.loads((tmp_path / "maimod.json").read_text())["beatmaps"][0]["findings"]) == left

    # The report as a file: its policy allows only its own script
    browser.switch_to.new_window("tab")
    browser.get((tmp_path / "maimod.html").as_uri())
    page.wait(lambda: len(page.all(".mm-row")) == count - 1, "the rows of the report")
    page.all(".mm-row")[3].click()
    page.one(".mm-evidence .mm-rule")
    browser.close()
    browser.switch_to.window(browser.window_handles[0])

    # Again: at once, and nothing is new
    began = time.monotonic()
    page.one("#mm-go").click()
    page.one('[data-select="change"]')
    assert not page.all(".mm-new") and time.monotonic() - began < first_run_s

    asked = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = [one["params"]["request"]["url"] for one in asked if one["method"] == "Network.requestWillBeSent"]
    assert [url for url in urls if url.startswith(("http", "ws")) and not url.startswith(address)] == []
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def difficulty(number: int) -> str:
    """The bundled example as another difficulty."""
    return FAULTY.read_text(encoding="utf-8").replace("Version:Faulty", f"Version:Faulty {number}")


@pytest.fixture
def mapset(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    shutil.copy(FAULTY.parent / "audio.mp3", folder)
    for number in range(3):
        (folder / f"{number}.osu").write_text(difficulty(number), encoding="utf-8")
    return folder


def test_why_a_path_was_not_run_stays_while_the_map_before_is_watched(address, browser, tmp_path):
    page = Page(browser, address)
    page.lint(FAULTY)
    page.wait_for_end()
    page.lint(tmp_path / "nothing.osu")
    page.wait(lambda: "no such file" in page.one(".mm-run.error").text, "one line about the bad path")
    time.sleep(1)  # the page has asked three times whether the map before was saved
    assert "no such file" in page.one(".mm-run.error").text
    page.lint(FAULTY)
    page.wait_for_end()


def test_a_set_streams_survives_a_reload_and_is_checked_again_when_saved(address, browser, mapset):
    page = Page(browser, address)
    page.lint(mapset)
    page.one(".mm-row")
    assert page.all(".mm-tabs .mm-busy"), "exact findings are listed before the model has begun"

    # Cancel keeps what is there, and the next run lists before it ends
    page.one("#mm-stop").click()
    page.wait(lambda: "Stopped" in page.one(".mm-run").text, "cancelled")
    assert page.all(".mm-row")
    page.one("#mm-go").click()
    page.one("#mm-stop")
    page.one(".mm-row")
    page.wait_for_end()
    assert not page.all(".mm-tabs .mm-busy")

    # One entry for a mistake of all difficulties; the set has a tab of its own
    everything = page.keys()
    assert "in all 3 difficulties" in page.one(".mm-list").text
    page.one('[data-beatmap="-2"]').click()
    assert 0 < len(page.keys()) <= len(everything)
    page.one('[data-beatmap="1"]').click()
    own = page.keys()
    assert own and page.all(".mm-mark")

    # A reload and a second tab show the same place
    row = page.all(".mm-row")[2]
    row.click()
    selected = page.one(".mm-row.mm-selected").get_attribute("id")
    browser.refresh()
    page.one(".mm-row")
    assert page.one(".mm-row.mm-selected").get_attribute("id") == selected and page.keys() == own
    browser.switch_to.new_window("tab")
    browser.get(address)
    page.one(".mm-row")
    assert page.one(".mm-row.mm-selected").get_attribute("id") == selected
    browser.close()
    browser.switch_to.window(browser.window_handles[0])

    # One save is one run; what is new comes first and stays new until it is cleared
    page.one('[data-beatmap="-1"]').click()
    file = mapset / "1.osu"
    lines = file.read_text(encoding="utf-8").splitlines()
    place = lines.index("[HitObjects]") + 40
    parts = lines[place].split(",")
    parts[2] = str(int(parts[2]) + 9)
    lines[place] = ",".join(parts)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    page.one(".mm-new")
    first = page.one(".mm-row")
    assert first.find_elements("css selector", ".mm-new")
    page.wait_for_end()
    time.sleep(2)
    assert "done" in page.one(".mm-run").get_attribute("class") and page.all(".mm-new")
    assert re.search(r"[1-9] new", page.one(".mm-count").text)
    page.one(".mm-clear").click()
    page.wait(lambda: not page.all(".mm-new"), "cleared")
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_map_is_found_without_typing_its_path(address, browser, mapset):
    page = Page(browser, address)
    page.one("#mm-editor").click()
    page.wait(lambda: "tosu is not running" in page.one(".mm-run.error").text, "one line without tosu")
    page.one("#mm-songs").send_keys(str(mapset.parent.parent))
    find = f"[...document.querySelectorAll('.mm-sets .mm-folder')].find(one => one.textContent === '▸ {mapset.parent.name}')"
    page.wait(lambda: page.script(f"Boolean({find})"), "the folder")
    page.script(f"{find}.click()")  # the list is drawn anew at each letter
    page.one(".mm-sets .mm-set")
    time.sleep(0.3)
    page.one("#mm-songs-search").send_keys("nothing")
    page.wait(lambda: not page.all(".mm-sets button"), "search")
    page.one("#mm-songs-search").send_keys("\b" * 7)
    page.one(".mm-sets .mm-set")
    time.sleep(0.5)
    page.driver.execute_script("document.querySelector('.mm-sets .mm-set').click()")
    page.one(".mm-row")
    page.wait_for_end()
    page.one("#mm-options").click()
    page.one("#mm-difficulties select")
    page.choose("#mm-difficulties select", "easy")
    page.one("#mm-go").click()
    page.wait_for_end()
    page.one("#mm-overview").click()
    assert "Faulty 2" in page.one(".mm-over").text and page.all(".mm-curves")
    page.one("#mm-rules").click()
    first = page.one(".mm-rules details")
    assert first.get_attribute("textContent").count("Why it matters") == 1
    assert page.one(".mm-rules dt").get_attribute("textContent") == "Why it matters"
    source = page.one(".mm-rules dd a")
    assert source.get_attribute("href") == source.get_attribute("textContent")
    page.one("#mm-open").click()
    page.one("#mm-example").click()
    page.wait(lambda: "maimod example" in page.one("#mm-path input").get_attribute("value"), "the example")
    page.wait(lambda: "Example" in page.one(".mm-title").text, "findings of the example")

    # A chosen folder comes with its tree
    page.wait_for_end()
    page.one("#mm-open").click()
    page.one("#mm-folder").send_keys(str(mapset))
    page.wait(lambda: "maimod-ui-" in page.one("#mm-path input").get_attribute("value"), "the uploaded folder")
    page.wait(lambda: page.all(".mm-row") and "Faulty 1" in page.one(".mm-tabs").text, "findings of the folder")
    assert "is not in the folder" not in page.one(".mm-messages").text
    assert [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


# --- For everybody, on every screen ---

NAMELESS = """[...document.querySelectorAll('button, input, select, a[href], [role=img], [role=listbox], summary')].filter(node => {
  if (!node.offsetParent && node.tagName !== 'svg') return false;
  const labels = node.labels ? [...node.labels].map(one => one.textContent).join('') : '';
  return ![node.textContent, node.getAttribute('aria-label'), node.title, labels].some(text => text && text.trim());
}).map(node => node.outerHTML.slice(0, 120))"""
FAINT = """[...document.querySelectorAll('.mm *')].filter(node => {
  const text = [...node.childNodes].some(one => one.nodeType === 3 && one.textContent.trim());
  if (!text || !node.offsetParent || node.closest('svg, .mm-timeline, [disabled], .mm-toast')) return false;
  const parse = colour => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255).map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let below = node;
  while (below && (parse(getComputedStyle(below).backgroundColor)[3] ?? 1) === 0) below = below.parentElement;
  const pair = [light(parse(getComputedStyle(node).color)), light(parse(getComputedStyle(below || document.body).backgroundColor))].sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05) < 4.5;
}).map(node => node.outerHTML.slice(0, 120))"""
SHIFTS = """window.shifts = []; new PerformanceObserver(list => { for (const one of list.getEntries()) if (!one.hadRecentInput)
  window.shifts.push(one.value); }).observe({type: 'layout-shift', buffered: true});"""


def axe() -> str:
    """The script of axe-core: of `AXE_CORE`, or as the package axe-selenium-python has it; empty without."""
    spec = importlib.util.find_spec("axe_selenium_python")
    folders = [Path(place) for place in (spec.submodule_search_locations or [] if spec else [])]
    files = [
        Path(os.environ.get("AXE_CORE", "none")),
        *(file for folder in folders for file in folder.rglob("axe.min.js")),
    ]
    return next((file.read_text(encoding="utf-8") for file in files if file.is_file()), "")


def check_for_everybody(page) -> None:
    """Names and contrasts by our own rules, and all of axe-core where it is installed."""
    assert page.script(NAMELESS) == [] and page.script(FAINT) == []
    if script := axe():
        page.driver.execute_script(script)
        found = page.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']})"
            ".then(all => done(all.violations.map(one => [one.id, one.nodes.map(node => node.html.slice(0, 120))])))"
        )
        assert found == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_read_and_reach_all_of_it(address, browser, theme):
    page = Page(browser, f"{address}?__theme={theme}")
    page.one("#mm-path input")
    check_for_everybody(page)
    page.lint(FAULTY)
    page.one(".mm-row")
    page.wait_for_end()
    page.press("j")
    page.one(".mm-evidence .mm-field")
    page.script("document.querySelectorAll('.mm-evidence details').forEach(one => { one.open = true; })")
    check_for_everybody(page)
    for button in ("#mm-overview", "#mm-options", "#mm-rules"):
        page.one(button).click()
        page.wait(lambda: page.all(".mm-drawer:not([hidden]) *"), button)
        time.sleep(1)
        check_for_everybody(page)
    # By keyboard alone: out of the panel, to a finding, along the timeline, to a mark and back
    page.one("#mm-rules").send_keys(ESCAPE)
    page.wait(lambda: not page.all(".mm-drawer:not([hidden])"), "closed")
    before = page.one(".mm-row.mm-selected").get_attribute("data-key")
    page.press("j")
    assert page.one(".mm-row.mm-selected").get_attribute("data-key") != before
    page.press("+")
    page.press("+")
    time.sleep(0.5)
    left = page.script("document.querySelector('.mm-strip').viewBox.baseVal.x")
    page.one(".mm-list").send_keys(RIGHT)
    page.wait(lambda: page.script("document.querySelector('.mm-strip').viewBox.baseVal.x") > left, "moved along")


def test_nothing_jumps_while_findings_stream_in(address, browser, mapset):
    page = Page(browser, address)
    page.one("#mm-path input")
    browser.execute_script(SHIFTS)
    page.lint(mapset)
    page.one(".mm-row")
    time.sleep(1)
    browser.execute_script("window.shifts.length = 0")  # the page has just become another one
    page.wait_for_end()
    time.sleep(1)
    assert sum(page.script("window.shifts")) < 0.1


@pytest.fixture
def phone(tmp_path):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS[:-1], f"--user-data-dir={tmp_path / 'phone'}"):
        options.add_argument(flag)
    metrics = {"width": 390, "height": 844, "pixelRatio": 2.0, "touch": True}
    options.add_experimental_option("mobileEmulation", {"deviceMetrics": metrics})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


HEAD_OF_DETAIL = "document.querySelector('.mm-detail').getBoundingClientRect().top"


def test_a_phone_with_fingers(address, phone):
    page = Page(phone, address)

    def touch(kind: str, x: float = 0, y: float = 0) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        phone.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def swipe(css: str, by: int) -> None:
        box = page.script(f"document.querySelector('{css}').getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, min(box["y"] + 12, 800)
        touch("touchStart", x, y)
        for part in (0.3, 0.6, 1.0):
            touch("touchMove", x + by * part, y)
        touch("touchEnd")

    page.lint(FAULTY)
    page.one(".mm-row")
    page.wait_for_end()
    box = page.script("document.querySelectorAll('.mm-row')[1].getBoundingClientRect().toJSON()")
    touch("touchStart", box["x"] + 60, box["y"] + 10)
    touch("touchEnd")
    keys = page.keys()
    page.wait(lambda: page.one(".mm-row.mm-selected").get_attribute("data-key") == keys[1], "a tap selects")
    page.one(".mm-evidence .mm-rule, .mm-evidence .mm-field")
    assert page.script(HEAD_OF_DETAIL) < 844 / 2, "the evidence is in sight"
    swipe(".mm-finding", -140)
    page.wait(lambda: page.one(".mm-row.mm-selected").get_attribute("data-key") == keys[2], "a swipe is the next")
    swipe(".mm-finding", 140)
    page.wait(lambda: page.one(".mm-row.mm-selected").get_attribute("data-key") == keys[1], "and back")
    assert page.script("document.documentElement.scrollWidth") <= 390
    check_for_everybody(page)
    assert [entry["message"] for entry in phone.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_report_about_several_songs_names_the_song_of_each_row(chromium, tmp_path):
    reports = [
        replace(analysis().report, path=f"{song}/map.osu", artist="Artist", title=song) for song in ("One", "Two")
    ]
    album = Album(tmp_path)
    for report in reports:
        album.draw(msgspec.structs.replace(analysis(), report=report), None)
    out = tmp_path / "report.html"
    with open(out, "w", encoding="utf-8") as stream:
        REPORTERS["html"](Report("0", None, tuple(reports)), stream, View(album=album))
    page = Page(chromium, out.as_uri())
    for theme in ("light", "dark"):  # with the scroll bars of the window
        features = [{"name": "prefers-color-scheme", "value": theme}]
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        scheme = "getComputedStyle(document.documentElement).colorScheme"
        page.wait(lambda theme=theme, scheme=scheme: page.script(scheme) == theme, theme)
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    rows = [row.text for row in page.all(".mm-row .mm-where")]
    assert (
        len(rows) == 2 and sum("Artist – One" in row for row in rows) == sum("Artist – Two" in row for row in rows) == 1
    )
    assert {one.get_attribute("data-key").split(".")[0] for one in page.all(".mm-mark")} == {"0"}  # on its own song
    assert "space play" not in page.one(".mm-help").text  # a file plays nothing


@pytest.mark.parametrize("model", [None, ModelInfo("maimod-mini", "mini", "cpu", "fp32")])
def test_findings_are_sorted_by_surprise_only_where_a_model_was_surprised(chromium, tmp_path, model):
    out = tmp_path / "report.html"
    with open(out, "w", encoding="utf-8") as stream:
        REPORTERS["html"](Report("0", model, (analysis().report,)), stream, View())
    page = Page(chromium, out.as_uri())
    ways = [one.get_attribute("value") for one in page.all('[data-select="sort"] option')]
    assert ways == ["worth", "time", "score", *["bits"] * (model is not None)]
    page.choose('[data-select="sort"]', "time")
    assert len(page.all(".mm-row")) > 0


def test_what_cannot_be_read_is_not_waited_for(chromium, tmp_path):
    out = tmp_path / "report.html"
    unreadable = BeatmapReport("a.osz", "error", ("a.osz: not a zip archive",))
    with open(out, "w", encoding="utf-8") as stream:
        REPORTERS["html"](Report("0", None, (unreadable,)), stream, View())
    page = Page(chromium, out.as_uri())
    assert page.one(".mm-empty").text == "Nothing could be read: the reasons are above."
    # On the page, which asks for timelines.
    data = "JSON.parse(document.getElementById('maimod-data').textContent)"
    page.script(
        f"maimodViewer(document.getElementById('maimod'), {{strip: () => new Promise(() => {{}})}}).show({data})"
    )
    assert page.one(".mm-timeline .mm-wait").text == "This difficulty could not be read."


def test_a_run_that_goes_on_is_not_said_to_have_found_nothing(chromium, tmp_path):
    out = tmp_path / "report.html"
    with open(out, "w", encoding="utf-8") as stream:
        REPORTERS["html"](Report("0", None, (BeatmapReport("a.osu", "ok", title="Title"),)), stream, View())
    page = Page(chromium, out.as_uri())
    assert page.one(".mm-empty").text == "Nothing found." and "no model: " in page.one(".mm-title").text
    page.driver.execute_script(
        "const data = JSON.parse(document.getElementById('maimod-data').textContent); data.beatmaps[0].complete = false;"
        "maimodViewer(document.getElementById('maimod'), {}).show(data)"
    )
    assert page.one(".mm-empty").text == "Nothing found so far."
    assert page.one(".mm-title").text.endswith("exact findings so far")
