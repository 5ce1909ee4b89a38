"""The HTML report in headless Chromium: what it shows, how it answers, and that nothing it shows is executed.

    html_test.py --make-pages PROGRAM [--keep FOLDER]    --keep leaves the pages and screenshots there
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

try:
    from selenium import webdriver
    from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    sys.exit("python3-selenium is missing: scripts/setup test installs it")

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
PATIENCE = 60  # seconds for a page to do what it should; machines of CI are slow
checks = []


def check(function):
    checks.append(function)
    return function


class Failed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


class Browser:
    """Chromium with a profile of its own, its console and its requests written down."""

    def __init__(self, folder):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--force-device-scale-factor=1", "--disable-background-networking", "--no-first-run",
                         f"--user-data-dir={folder}/profile", "--window-size=1280,900"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service(DRIVER), options=options)
        self.driver.set_page_load_timeout(120)
        self.folder = folder

    def open(self, page, width=1280, height=900, dark=False):
        self.driver.set_window_size(width, height)
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})
        self.driver.get_log("browser"), self.driver.get_log("performance")
        # so that what one check leaves in a page or its storage is not the next one's
        self.driver.get("about:blank")
        self.driver.get(f"file://{self.folder}/{page}")
        self.driver.execute_script("try { localStorage.clear() } catch {}")
        return self

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        found = self.all(selector)
        expect(found, f"nothing is {selector}")
        return found[0]

    def text(self, selector):
        return self.one(selector).text

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, condition, what):
        try:
            # the page may replace an element between two looks at it
            WebDriverWait(self.driver, PATIENCE, 0.1, [StaleElementReferenceException]).until(lambda _: condition())
        except TimeoutException:
            raise Failed(what) from None

    def console(self):
        return [f"{entry['level']}: {entry['message']}" for entry in self.driver.get_log("browser")]

    def requests(self):
        sent = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                parameters = message["params"]
                sent.append(parameters.get("url") or parameters["request"]["url"])
        return [url for url in sent if url != "about:blank"]

    def screenshot(self, name):
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return innerWidth")
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": min(height, 8000), "deviceScaleFactor": 1, "mobile": False})
        self.driver.save_screenshot(os.path.join(self.folder, name))
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def cards(browser):
    return browser.run("return [...document.querySelectorAll('#findings .card .sentence')].map((card) => card.innerText)")


def search(browser, words):
    field = browser.one("#search")
    field.clear()
    field.send_keys(words)


def frames(browser):
    return browser.run("return [...document.querySelectorAll('.frame')].map((frame) => frame.innerText)")


def frame(browser, name):
    expect(name in frames(browser), f"no frame {name} among {frames(browser)}")
    return browser.all(".frame")[frames(browser).index(name)]


@check
def it_shows_summary_incidents_and_findings_without_errors_and_without_the_network(browser):
    browser.open("gateway.html")
    expect("3 leaks and 2 suspects" in browser.text("#headline"), browser.text("#headline"))
    expect("killed by SIGABRT" in browser.text("#processes"), browser.text("#processes"))
    expect("each of 38 reconnects leaves 1 lwIP socket" in browser.text("#incidents"), browser.text("#incidents"))
    expect(len(browser.all("#incidents .plot .series")) == 2, "the incident's plot has not two lines")
    expect(len(cards(browser)) == 5, f"notes and suppressed ones are shown at first: {cards(browser)}")
    expect("MQTT" in browser.text("#owners") and "lwip_socket" in browser.text("#totals"), "no tables")
    expect("matched nothing" in browser.text("#remarks"), browser.text("#remarks"))
    console, requests = browser.console(), browser.requests()
    expect(not console, f"on the console: {console}")
    expect(requests == [f"file://{browser.folder}/gateway.html"], f"requests: {requests}")


@check
def a_finding_opens_with_its_evidence(browser):
    browser.open("gateway.html")
    card = browser.all("#findings .card")[1]
    card.find_element(By.CSS_SELECTOR, "summary").click()
    browser.until(lambda: card.find_elements(By.CSS_SELECTOR, ".body"), "the card stays closed")
    body = card.find_element(By.CSS_SELECTOR, ".body").text
    for evidence in ("held by g_client + 16", "home/kitchen/tem", "38 of 38 released by free", "190 acquired",
                     "3cf99090d410f3d4", "mqttclient.c:1203"):
        expect(evidence in body, f"no {evidence!r} in: {body}")
    blamed = card.find_element(By.CSS_SELECTOR, ".blamed").text
    expect("mqtt_subscribe" in blamed, f"blamed: {blamed}")
    first = browser.all("#findings .card")[0]
    first.find_element(By.CSS_SELECTOR, "summary").click()
    browser.until(lambda: first.find_elements(By.CSS_SELECTOR, ".body"), "the card stays closed")
    expect("mbedtls_net_free" in first.text and "NUM_SOCKETS" in first.text, first.text)


@check
def search_and_filters_narrow_findings_and_flame_graph(browser):
    browser.open("gateway.html")
    search(browser, "modbus accept4")
    browser.until(lambda: len(cards(browser)) == 1, "the search does not narrow")
    expect("accept4 in serve_one" in cards(browser)[0], cards(browser))
    browser.until(lambda: "mqtt_subscribe" not in frames(browser),
                  "the flame graph keeps what the search left out")
    search(browser, "no such thing")
    browser.until(lambda: "Nothing passes" in browser.text("#findings"), "an empty result is not told")
    browser.one("#clear").click()
    browser.until(lambda: len(cards(browser)) == 5, "the filter is not cleared")
    Select(browser.one("#owner")).select_by_value("MQTT")
    browser.until(lambda: len(cards(browser)) == 2, "the owner does not narrow")
    browser.one("#clear").click()
    Select(browser.one("#family")).select_by_value("file")
    browser.until(lambda: len(cards(browser)) == 1, "the family does not narrow")
    browser.one("#clear").click()
    for label in browser.all("#severities label"):
        if "suppressed" in label.text or "note" in label.text:
            label.click()
    browser.until(lambda: len(cards(browser)) == 7, "notes and suppressed ones cannot be shown")
    expect("known.supp" not in browser.text("#findings"), "facts of a closed card are shown")
    browser.one("#clear").click()
    browser.all("#processes button")[1].click()
    browser.until(lambda: len(cards(browser)) == 1 and "worker_start" in cards(browser)[0], "a process cannot be chosen")


@check
def the_flame_graph_zooms_and_switches_its_weight(browser):
    browser.open("gateway.html")
    wide = browser.one("#flame-graph").size["width"]
    expect(frame(browser, "mqtt_subscribe").size["width"] < wide / 2, "nothing to zoom into")
    frame(browser, "mqtt_subscribe").click()
    browser.until(lambda: frame(browser, "mqtt_subscribe").size["width"] > wide - 4, "a click does not zoom")
    expect("1,520 B" in browser.text("#flame-detail"), browser.text("#flame-detail"))
    expect("worker_start" not in frames(browser), "what is beside the zoomed frame is still there")
    webdriver.ActionChains(browser.driver).send_keys(Keys.ESCAPE).perform()
    browser.until(lambda: "worker_start" in frames(browser), "Escape does not go back")
    webdriver.ActionChains(browser.driver).send_keys(Keys.ARROW_DOWN).perform()
    active = browser.run("return document.activeElement.textContent")
    expect(active == "worker", f"arrow down goes to {active}, not to the heaviest call")
    browser.one('[data-weight="count"]').click()
    browser.until(lambda: "lwip_socket" in frames(browser), "objects are not weighed")
    hover = frame(browser, "lwip_socket").get_attribute("title")
    expect("37 objects" in hover and "%" in hover, f"hover text: {hover}")


@check
def dark_follows_the_system_and_the_button(browser):
    def paper():
        return browser.run("return getComputedStyle(document.body).backgroundColor")
    browser.open("gateway.html")
    light = paper()
    browser.screenshot("light.png")
    browser.one("#theme").click()
    browser.until(lambda: paper() != light, "the button changes nothing")
    dark = paper()
    expect(browser.one("#theme").get_attribute("aria-pressed") == "true", "the button does not tell its state")
    browser.open("gateway.html", dark=True)
    expect(paper() == dark, f"the system's dark is {paper()}, the button's {dark}")
    for card in browser.all("#findings .card summary"):
        card.click()
    browser.screenshot("dark.png")


@check
def contrast_and_labels_let_everybody_read_it(browser):
    ratio = """
        const part = (c) => { c /= 255; return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
        const numbers = (text) => text.startsWith("color(srgb") ? text.match(/[\\d.]+/g).map((n) => n * 255)
          : text.match(/[\\d.]+/g).map(Number);
        const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
        const backOf = (node) => { for (; node; node = node.parentElement) {
            const rgb = numbers(getComputedStyle(node).backgroundColor);
            if (rgb.length < 4 || rgb[3] > 0) return rgb; } return [255, 255, 255]; };
        return [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility() && !node.closest("svg")
            && [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())).map((node) => {
          const [a, b] = [light(numbers(getComputedStyle(node).color)), light(backOf(node))].sort((x, y) => y - x);
          return [(a + 0.05) / (b + 0.05), node.tagName + "." + node.className + " " + node.textContent.slice(0, 30)];
        }).filter(([contrast]) => contrast < 4.5);"""
    for dark in (False, True):
        browser.open("gateway.html", dark=dark)
        for card in browser.all("#findings .card summary"):
            card.click()
        faint = browser.run(ratio)
        expect(not faint, f"too faint ({'dark' if dark else 'light'}, WCAG AA asks for 4.5): {faint}")
    nameless = browser.run("""return [...document.querySelectorAll("button, input, select")].filter((node) =>
        node.checkVisibility() && !(node.textContent.trim() || node.getAttribute("aria-label") || node.labels?.length))
        .map((node) => node.outerHTML)""")
    expect(not nameless, f"without a name: {nameless}")


@check
def it_fits_a_narrow_screen(browser):
    browser.open("gateway.html", width=500)  # Chromium's windows are not narrower
    for card in browser.all("#findings .card summary"):
        card.click()
    wide = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    expect(wide[0] <= wide[1], f"it scrolls sideways: {wide[0]} of {wide[1]} pixels")
    browser.screenshot("narrow.png")


@check
def hostile_names_are_shown_and_not_executed(browser):
    browser.open("hostile.html")
    for label in browser.all("#severities label"):
        if not label.find_element(By.CSS_SELECTOR, "input").is_selected():
            label.click()
    browser.one("#toggle-all").click()
    browser.until(lambda: len(browser.all("#findings .body")) == 18, "not every finding opens")
    for button in browser.all("[data-weight]"):
        if button.is_enabled():
            button.click()
    count = len(browser.all(".frame"))
    for i in range(min(count, 12)):
        browser.run("document.querySelectorAll('.frame')[arguments[0]]?.click()", i)
    search(browser, "<img src=x")
    browser.until(lambda: "<img src=x onerror=window.pwned=1>" in browser.text("#findings"), "the name is not shown as it is")
    time.sleep(0.5)  # an error handler would run when the image failed to load
    expect(browser.run("return window.pwned === undefined"), "a name was executed")
    expect(not browser.all("img, iframe, object, embed, svg[onload], #findings script"), "a name became an element")
    links = browser.run("return [...document.querySelectorAll('a')].map((a) => a.protocol)")
    expect(set(links) == {"file:"}, f"links to {set(links)}")
    console, requests = browser.console(), browser.requests()
    expect(not console, f"on the console: {console}")
    expect(requests == [f"file://{browser.folder}/hostile.html"], f"requests: {requests}")


@check
def an_attack_that_reached_the_page_would_be_stopped_by_its_policy(browser):
    browser.open("gateway.html")
    browser.run("""document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=window.pwned=1>");
                   const script = document.createElement("script"); script.textContent = "window.pwned=2";
                   document.body.append(script);""")
    time.sleep(0.5)
    expect(browser.run("return window.pwned === undefined"), "the policy lets scripts in")


@check
def five_thousand_findings_stay_usable(browser):
    start = time.monotonic()
    browser.open("big.html")
    opened = time.monotonic() - start
    expect(len(browser.all("#findings .card")) == 100, "not a hundred at a time")
    expect("5,000 of 5,000" in browser.text("#shown"), browser.text("#shown"))
    browser.one("#more").click()
    browser.until(lambda: len(browser.all("#findings .card")) == 200, "no more of them")
    # what the page itself needs for a search, without the driver's way to it
    spent = browser.run("""byId("search").value = "step_3_17"; const start = performance.now(); apply();
                           return performance.now() - start""")
    print(f"        (opened in {opened:.1f} s, searched in {spent:.0f} ms)")
    expect(spent < 5000, f"a search takes {spent:.0f} ms")
    expect(not browser.console(), "errors on the console")


@check
def links_to_findings_open_them(browser):
    browser.open("gateway.html#finding-0-77aa52d0c1e9b36f")  # a note, which is not shown at first
    browser.until(lambda: any("log_open" in card.text for card in browser.all(".card[open]")), "the linked finding is closed")
    browser.open("gateway.html")
    browser.all("#incidents a")[1].click()
    browser.until(lambda: any("mqtt_subscribe" in card.text for card in browser.all("#findings .card[open]")),
                  "an incident's link opens nothing")


@check
def it_prints_whole_and_in_light_colours(browser):
    browser.open("gateway.html", dark=True)
    pdf = browser.driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    expect(len(pdf["data"]) > 10000, "nothing was printed")
    expect(len(browser.all("#findings .body")) == 5, "closed findings are printed closed")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": [
        {"name": "prefers-color-scheme", "value": "dark"}]})
    ink = browser.run("return [getComputedStyle(document.body).colorScheme, getComputedStyle(byId('filter')).display]")
    expect(ink == ["light", "none"], f"on paper: {ink}")
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


@check
def an_empty_report_says_so(browser):
    browser.open("empty.html")
    expect("Nothing was recorded" in browser.text("#headline"), browser.text("#headline"))
    expect(not browser.console(), "errors on the console")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--make-pages", required=True)
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    for tool in (CHROMIUM, DRIVER):
        if not os.path.exists(tool):
            sys.exit(f"{tool} is missing: scripts/setup test installs it")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="unpaired-html-") as folder:
        subprocess.run([arguments.make_pages, folder], check=True)
        browser = Browser(folder)
        try:
            for function in checks:
                sentence = function.__name__.replace("_", " ")
                try:
                    function(browser)
                    print(f"ok      {sentence}")
                except Failed as problem:
                    failed += 1
                    print(f"FAILED  {sentence}\n        {problem}")
                except Exception:  # the check itself is broken: that is a failure too
                    failed += 1
                    print(f"BROKEN  {sentence}\n{traceback.format_exc()}")
                sys.stdout.flush()
        finally:
            browser.driver.quit()
        if arguments.keep:
            os.makedirs(arguments.keep, exist_ok=True)
            for name in os.listdir(folder):
                if name.endswith((".png", ".html")):
                    shutil.copy(os.path.join(folder, name), arguments.keep)
    print(f"{len(checks) - failed} of {len(checks)} hold")
    sys.exit(1 if failed or not checks else 0)


if __name__ == "__main__":
    main()
