"""The page in a real browser: it loads, lives, is legible at every size, and its button stops orders."""

import pytest

from hdl.layouts import Side
from host import fixmap
from host.bus.topics import PASSED, PROPOSED
from host.messages import NewOrder
from sim.browser import Browser, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing())]

SIZES = [(1280, 720, False), (390, 844, True)]


@pytest.fixture(scope="module")
def browser():
    with Browser() as one:
        yield one


class Trading:
    """Something happens at every step: prices, an order, its fill, a proposal to the gate."""

    def __init__(self, served):
        self.served, self.bench, self.n, self.passed = served, served.bench, 0, 0
        self.bench.desk.bus.subscribe(PASSED, self._on_passed)
        self.alpha = fixmap.Desk("ALPHA", "RISK")

    def _on_passed(self, _message):
        self.passed += 1

    def step(self):
        self.n += 1
        with self.served.lock:
            for symbol in range(4):
                self.bench.market(self.n * 1_000_000, symbol=symbol, bid=1_850_000 + 100 * (self.n % 7), ask=1_850_900,
                                  seq=self.n)
            self.bench.levels(0, Side.BUY, [1_850_000 - 100 * n for n in range(5)])
            self.bench.order(2 * self.n, strategy=self.n % 2, ways=(100 + self.n % 50, 900 + self.n % 90))
            self.bench.fill(2 * self.n, 10, 1_850_000, exec_id=f"E{self.n}")  # stays within every limit
            order = NewOrder(2 * self.n + 1, "AAPL", Side.BUY, 100, 1_850_000, 0, time=self.bench.now)
            self.bench.desk.bus.publish(PROPOSED, self.alpha.new_order(order))
        self.served.page.poll({"progress": 500})


@pytest.fixture
def trading(served):
    one = Trading(served)
    for _ in range(30):
        one.step()
    served.page.poll({}, force=True)
    return one


def loaded(browser, trading, fragment=""):
    browser.open("about:blank")
    browser.open(f"http://127.0.0.1:{trading.served.port}/{fragment}")
    browser.until("return document.querySelectorAll('#blotter tbody tr').length", while_=trading.step)


def text(browser, element):
    return browser.run("return document.getElementById(arguments[0]).textContent", element)


def test_it_loads_without_a_word_and_asks_nobody_else(browser, trading):
    loaded(browser, trading)
    assert browser.complaints() == []
    assert {address.split("/")[2] for address in browser.requests()} == {f"127.0.0.1:{trading.served.port}"}
    for panel in ("stages", "tca", "blotter", "positions", "feeds", "limits", "book", "log", "figures"):
        assert text(browser, panel), panel
    assert browser.run("return document.querySelectorAll('canvas').length") == 3
    assert "trading" in text(browser, "badge")


def test_it_lives(browser, trading):
    loaded(browser, trading)
    browser.run("window.before = [document.getElementById('figures').textContent,"
                "                 document.querySelector('canvas').toDataURL()]")
    browser.until("return document.getElementById('figures').textContent !== window.before[0]", while_=trading.step)
    browser.until("return document.querySelector('canvas').toDataURL() !== window.before[1]", while_=trading.step)


def test_the_kill_button_stops_orders(browser, trading):
    token = trading.served.page.token.reveal()
    loaded(browser, trading, f"#token={token}")
    assert "token" not in browser.run("return location.href")
    passed = trading.passed
    trading.step()
    assert trading.passed == passed + 1
    browser.run("document.getElementById('kill').click(); document.getElementById('ask-do').click()")
    browser.until("return !document.getElementById('alarm').hidden", while_=trading.step)
    passed = trading.passed
    for _ in range(5):
        trading.step()
    assert trading.passed == passed
    assert trading.bench.desk.risk.control.killed
    assert "KILLED" in browser.run("return document.title")
    assert "Killed: everything" in text(browser, "alarm")
    browser.run("document.getElementById('resume').click(); document.getElementById('ask-why').value = 'calm';"
                "document.getElementById('ask-do').click()")
    browser.until("return document.getElementById('alarm').hidden", while_=trading.step)
    trading.step()
    assert trading.passed > passed


def test_without_the_token_it_asks_for_it_and_does_nothing(browser, trading):
    loaded(browser, trading)
    browser.run("sessionStorage.clear(); document.getElementById('kill').click();"
                "document.getElementById('ask-token').value = 'wrong'; document.getElementById('ask-do').click()")
    browser.until("return document.getElementById('ask-problem').textContent.includes('token')", while_=trading.step)
    assert trading.served.asked == []
    assert not trading.bench.desk.risk.control.killed


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("width", "height", "phone"), SIZES, ids=["1280x720", "phone"])
def test_it_is_legible(browser, trading, width, height, phone, dark, tmp_path):
    """Nothing is wider than the screen, no text is smaller than 11 px, text stands out (WCAG 2.1, 1.4.3: 4.5 to 1)."""
    browser.show(width, height, dark=dark, phone=phone)
    loaded(browser, trading)
    for _ in range(10):
        trading.step()
    assert browser.run("return document.documentElement.scrollWidth") <= width
    if not phone:
        assert browser.run("return document.documentElement.scrollHeight") <= height
    small, faint = browser.run(_LEGIBLE)
    assert small == []
    assert faint == []
    browser.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 20_000


_LEGIBLE = """
const light = (rgb) => { const [r, g, b] = rgb.map((one) => { const c = one / 255;
  return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
const back = (element) => { for (let at = element; at; at = at.parentElement) {
  const found = colour(getComputedStyle(at).backgroundColor);
  if (found.length === 3 || found[3] > 0.99) return found.slice(0, 3); }
  return [255, 255, 255]; };
const small = [], faint = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.checkVisibility() || element.disabled || element.tagName === 'OPTION') continue;
  const style = getComputedStyle(element), a = light(colour(style.color).slice(0, 3)), b = light(back(element));
  const name = `${element.tagName}.${element.className}: ${element.textContent.slice(0, 30)}`;
  if (parseFloat(style.fontSize) < 11) small.push(name);
  if ((Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5) faint.push(name);
}
return [small, [...new Set(faint)].slice(0, 10)];
"""


def test_a_session_that_ends_leaves_its_last_state(browser, bench):
    from host.dashboard.service import Dashboard

    page = Dashboard(bench.view, lambda said: "", "127.0.0.1", 0)
    page.start()
    bench.trade()
    browser.show(1280, 720)
    browser.open(f"http://127.0.0.1:{page.port}/")
    browser.until("return document.getElementById('badge').textContent.includes('trading')",
                  while_=lambda: page.poll({}, force=True))
    page.close({"ended": True})
    browser.until("return document.getElementById('badge').textContent.includes('ended')")
    assert browser.run("return document.getElementById('kill').disabled")
