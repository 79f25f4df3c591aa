"""The software gate against the golden model and against a plain check that shares no code with either.

The same stream of tops, intents, executions, kills and limits goes to all three. TICKGATE_INTENTS=1000000 asks for
more than the usual number.
"""

import os
import random
from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from hdl.config import GBE, TINY
from hdl.layouts import BOOK_TOP, DECISION, EXECUTION, INTENT, MARKET_EVENT, ORDER_SENT, RECORD_BYTES, Action, Reason
from hdl.registers import GATE, LIMITS, RESUME_KEY, STRATEGY
from hdl.risk.checks import CHECKS as HARDWARE
from host.risk import software
from host.risk.checks import CHECKS
from host.risk.registers import Write, delta_write, switched
from host.risk.software import SoftwareGate
from sim.models.risk import NEVER, GateModel, Limits, Order, Top

INTENTS = int(os.environ.get("TICKGATE_INTENTS", "100000"))
#: Days that these are spread over, and days until every reason must have come up alone: some are rare.
DAYS, MOST_DAYS = 4, 24
MASK64 = (1 << 64) - 1
PERIOD = 8
START = 10**18


class Plain:
    """Rejects what the design's table says, by the orders themselves: no running sums, no shared code."""

    def __init__(self, config):
        self.config, self.limits, self.tops, self.halted = config, {}, {}, set()
        self.orders, self.executed = {}, {}
        self.position, self.live, self.rates, self.used = Counter(), {}, {}, {}
        self.kills, self.all, self.losses = set(), False, set()
        self.beaten, self.periods = None, 0
        self.most = {}      # limits of notional
        self.deltas, self.most_delta = {}, 0    # of a share, in 1/256; in shares
        self.window, self.passed, self.seen = 0, [], {}     # ns, (what, forgotten in), last id by slot

    def quiet(self, cycle):
        """Whether nothing was heard of the host for too long; the moment that it ends kills."""
        if self.beaten is not None and cycle - self.beaten >= self.periods:
            self.all |= self.periods > 0
            self.beaten = None
        return self.beaten is None

    def decide(self, one, now, cycle):
        found = {Reason.WATCHDOG} if self.quiet(cycle) and one["action"] != Action.CANCEL else set()
        stopped = {("venue", one["venue"]), ("strategy", one["strategy"])} & self.kills
        inside = (one["symbol"] < self.config.symbols and one["strategy"] < self.config.strategies
                  and one["venue"] < self.config.venues and one["side"] in (0, 1, 3) and not one["invalid"])
        if not inside:
            found.add(Reason.RESTRICTED)
        if one["action"] == Action.CANCEL:
            return found
        if self.all or stopped:
            found.add(Reason.KILL)
        if {"firm", one["strategy"]} & self.losses:
            found.add(Reason.LOSS)
        symbol = one["symbol"] & (self.rows() - 1)
        limits = self.limits.get(symbol, Counter())
        if symbol in self.halted or not limits["enable"]:
            found.add(Reason.RESTRICTED)
        bid, ask, good, time = self.tops.get(symbol, ((0, 0), (0, 0), True, 0))
        best = [ask, bid] if one["side"] in (0, 2) else [bid, ask]
        reference = best[0][0] if best[0][1] else best[1][0]
        if not (good and (bid[1] or ask[1])) or not 0 <= now - time <= limits["age"]:
            found.add(Reason.STALE)
        price, qty = one["price"], one["qty"]
        if qty == 0 or qty < limits["min"] or qty > limits["max"] or not limits["lot"] or qty % limits["lot"]:
            found.add(Reason.QUANTITY)
        if price * qty > limits["notional"]:
            found.add(Reason.NOTIONAL)
        if not reference - limits["band"] <= price <= reference + limits["band"] or (
                not limits["tick"] or price % limits["tick"]):
            found.add(Reason.COLLAR)
        sells = one["side"] & 1
        open_ = sum(left for _, of, side, left in self.live.values() if of == symbol and side == sells)
        after = self.position[symbol] * (-1 if sells else 1) + open_ + qty
        if after > limits["short" if sells else "long"] or after > 2**31 - (0 if sells else 1):
            found.add(Reason.POSITION)
        if sells:
            higher = good and bid[1] > 0 and price > bid[0]
            may = 0 if limits["restricted"] and not higher else limits["locates"]
            if after > may or (limits["restricted"] and not higher and one["side"] == 3):
                found.add(Reason.SHORT_SALE)
        if not all(self.token(which, cycle) for which in ("session", one["strategy"])):
            found.add(Reason.RATE)
        if one["strategy"] >= self.config.strategies or any(
                not self.affords(who, one["strategy"], sells, price * qty) for who in ("firm", one["strategy"])):
            found.add(Reason.GROSS)
        if self.tilts(symbol, sells, qty):
            found.add(Reason.DELTA)
        slot = one["order_id"] % self.config.open_orders
        if slot in self.live:
            found.add(Reason.OPEN_ORDERS)
        elif one["order_id"] <= self.seen.get(slot, 0):
            found.add(Reason.DUPLICATE)
        what = (one["symbol"], sells, price, qty)
        inside = [other for other, end in self.passed if end > cycle]
        if not self.window or what in inside or len(inside) == 8:
            found.add(Reason.DUPLICATE)
        if not found:
            self.seen[slot] = one["order_id"]
            if self.window >= PERIOD:
                latest = max((end for _, end in self.passed), default=0)
                self.passed = [(other, end) for other, end in self.passed if end > cycle]
                end = cycle + max(4, self.window // PERIOD)
                self.passed.append((what, max(end, latest + 1) if self.passed else end))
            self.live[slot] = (one["order_id"], symbol, sells, qty)
            self.orders[slot] = (one["strategy"], sells, price, qty)
            for which in ("session", one["strategy"]):
                self.used[which] = (self.level(which, cycle) + self.every(which), cycle)
        return found

    def tilts(self, symbol, sells, qty):
        """Summed anew from every order: the portfolio's delta if all that moves it this way were filled."""
        if symbol not in self.deltas or not self.most_delta:
            return True
        down = sells != (self.deltas[symbol] < 0)
        total = qty * abs(self.deltas[symbol])
        for other, delta in self.deltas.items():
            total += self.position[other] * delta * (-1 if down else 1)
            total += sum(left * abs(delta) for _, of, side, left in self.live.values()
                         if of == other and (side != (delta < 0)) == down)
        return total > self.most_delta * 256 and self.most_delta < 2**32 - 1

    def affords(self, who, strategy, sells, value):
        """Summed anew from every order: what is open, and what was executed, at its price, in units of 1.6384 USD."""
        gross, sides = 0, [0, 0]
        for slot, (_, _, _, left) in self.live.items():
            of, side, price, qty = self.orders[slot]
            if who in ("firm", of):
                amount = self.worth(price, qty) - self.worth(price, qty - left)
                gross, sides[side] = gross + amount, sides[side] + amount
        bought_or_sold = self.executed.get(who, (0, 0))
        net = sides[sells] + bought_or_sold[sells] - bought_or_sold[1 - sells]
        more = value // 16384 + 1
        entered, most = self.most.get(who, (0, 0))
        gross += sum(bought_or_sold)
        return value < 2**46 and gross + more <= entered // 16384 and net + more <= most // 16384

    @staticmethod
    def worth(price, shares):
        return price * shares // 16384 + 1 if shares else 0

    def trade(self, slot, qty):
        """Executed of the order in a slot, as long as something of it was left."""
        strategy, sells, price, whole = self.orders[slot]
        done = whole - self.live[slot][3]
        amount = self.worth(price, min(whole, done + qty)) - self.worth(price, done)
        for who in ("firm", strategy):
            both = list(self.executed.get(who, (0, 0)))
            both[sells] += amount
            self.executed[who] = tuple(both)

    def rows(self):
        return max(2, 2 ** (self.config.symbols - 1).bit_length())

    def every(self, which):
        return max(2, (self.rates[which][0] + PERIOD - 1) // PERIOD)

    def level(self, which, cycle):
        """Leaky bucket: what has not run out yet (ITU-T I.371, the other of its two equal algorithms)."""
        level, at = self.used.get(which, (0, cycle))
        return max(0, level - (cycle - at))

    def token(self, which, cycle):
        interval, burst = self.rates.get(which, (0, 0))
        if not (0 < interval < 2**40 and 0 < burst < 2**16) or (burst - 1) * self.every(which) >= 2**37:
            return False
        return self.level(which, cycle) <= (burst - 1) * self.every(which)

    def filled(self, order_id, qty):
        slot = order_id % self.config.open_orders
        if slot not in self.live or self.live[slot][0] != order_id:
            self.all = True
            return
        self.trade(slot, qty)
        _, symbol, sells, left = self.live.pop(slot)
        self.all |= qty > left
        self.position[symbol] += -qty if sells else qty
        if qty < left:
            self.live[slot] = (order_id, symbol, sells, left - qty)

    def gone(self, order_id):
        slot = order_id % self.config.open_orders
        if slot in self.live and self.live[slot][0] == order_id:
            del self.live[slot]


class Stream:
    """One random day, given event by event to all three."""

    def __init__(self, config, rng):
        self.config, self.rng = config, rng
        self.model, self.gate, self.plain = GateModel(config), SoftwareGate(config), Plain(config)
        self.now, self.cycle, self.ids = START, START // PERIOD, []
        self.decisions, self.serial = np.zeros(1, DECISION.dtype), 1
        for symbol in range(config.symbols):
            self.limits(symbol)
            self.top(symbol)
            self.delta(symbol, 256)
        for which in (*range(config.strategies), "session"):
            self.rate(which)
            self.account(which)
        self.beat(100_000)
        self.duplicates(1_000)
        self.most_delta(10**6)

    def delta(self, symbol, delta):
        self.gate.apply([delta_write(symbol, delta)])
        self.model.set_delta(symbol, delta)
        self.plain.deltas.pop(symbol, None)
        if delta is not None:
            self.plain.deltas[symbol] = delta

    def most_delta(self, shares):
        self.gate.apply([Write(GATE, "delta", 0, shares)])
        self.model.most_delta = self.plain.most_delta = shares

    def duplicates(self, window):
        self.gate.apply([Write(GATE, "duplicate", 0, window)])
        self.model.window = self.plain.window = window

    def beat(self, timeout=None):
        """The host says that it lives; with a time, how long that counts."""
        name, value = ("heartbeat", 0) if timeout is None else ("watchdog", timeout)
        self.gate.apply([Write(GATE, name, 0, value)], self.cycle * PERIOD)
        self.model.beat(self.cycle, timeout)
        self.plain.quiet(self.cycle - 1)
        self.plain.beaten = self.cycle
        if timeout is not None:
            self.plain.periods = (timeout % 2**40) // PERIOD

    def hold(self):
        """A loss hold, or the key to one."""
        rng, who = self.rng, self.rng.choice(["firm", *range(self.config.strategies)])
        bits = 0 if who == "firm" else 1 << who
        if rng.random() < 0.3:
            self.gate.apply([Write(GATE, "strategy_loss", 0, bits) if bits else Write(GATE, "loss", 0, 1)])
            self.model.hold_loss(not bits, bits)
            self.plain.losses.add(who)
            return
        key = RESUME_KEY if rng.random() < 0.95 else RESUME_KEY ^ 1
        self.gate.apply([Write(GATE, "release", 0, GATE["release"].pack(key=key, loss=int(not bits),
                                                                       strategy_loss=bits))])
        self.model.release(key, not bits, bits)
        if key == RESUME_KEY:
            self.plain.losses.discard(who)

    def limits(self, symbol):
        rng = self.rng
        values = {"enable": rng.random() < 0.97, "lot": rng.choice([1, 1, 1, 10, 7, 0] if rng.random() < 0.1 else [1]),
                  "tick": rng.choice([0, 3] if rng.random() < 0.03 else [1, 100]), "min": rng.choice([0, 1, 50]),
                  "max": rng.choice([500, 1_000, 2**32 - 1]),
                  "notional": rng.choice([2 * 10**8, 10**9, 3 * 10**9, MASK64]),
                  "band": rng.choice([200, 1_000, 2**32 - 1]), "long": rng.choice([2_000, 5_000, 2**32 - 1]),
                  "short": rng.choice([2_000, 5_000, 2**31, 0]), "age": rng.choice([10_000, 10**6, 2**40 - 1]),
                  "locates": rng.choice([0, 1_000, 4_000, 2**32 - 1]), "restricted": int(rng.random() < 0.2)}
        self.plain.limits[symbol] = {name: int(value) for name, value in values.items()}
        words = {"control": {"enable": int(values["enable"]), "lot": values["lot"], "tick": values["tick"]},
                 "qty": {"min": values["min"], "max": values["max"]}, "collar": {"band": values["band"]},
                 "position": {"long": values["long"], "short": values["short"]}, "max_age": {"age": values["age"]},
                 "short_sale": {name: values[name] for name in ("locates", "restricted")}}
        self.gate.apply(switched([Write(LIMITS, "notional", symbol, values["notional"]), *(
            Write(LIMITS, name, symbol, LIMITS[name].pack(**bits)) for name, bits in words.items())], 1))
        self.model.limits[symbol] = Limits(int(values["enable"]), *(values[name] for name in (
            "lot", "tick", "min", "max", "notional", "band", "long", "short", "age", "locates", "restricted")))

    def rate(self, which):
        rng = self.rng
        interval = rng.choice([1, 100, 1_000, 40_000]) if rng.random() < 0.97 else rng.choice([0, 2**40 - 1, 2**41])
        burst = rng.choice([1, 3, 50, 1_000]) if rng.random() < 0.97 else rng.choice([0, 65_535, 65_536])
        block, index = (GATE, 0) if which == "session" else (STRATEGY, which)
        self.gate.apply(switched([Write(block, "rate_burst", index, burst),
                                  Write(block, "rate_interval", index, interval)], 1))
        bucket = self.model.session if which == "session" else self.model.strategies[which]
        bucket.interval, bucket.burst = interval, burst
        self.plain.rates[which] = (interval, burst)

    def account(self, which):
        """Limits of notional; now and then one that bites, more and more of them as the day goes on."""
        rng, usd = self.rng, 10_000
        used = 0 if which == "session" else self.model.accounts[which].gross * 16384
        entered = rng.choice([2**46 - 1, 2**45, 2**45, used + 10**6 * usd, 0] if rng.random() < 0.2 else [2**46 - 1])
        net = rng.choice([2**46 - 1, 10**5 * usd, 0] if rng.random() < 0.2 else [2**46 - 1, 5 * 10**6 * usd])
        block, index = (GATE, 0) if which == "session" else (STRATEGY, which)
        self.gate.apply(switched([Write(block, "entered", index, entered), Write(block, "net", index, net)], 1))
        account = self.model.firm if which == "session" else self.model.accounts[which]
        account.most_entered, account.most_net = entered, net
        self.plain.most["firm" if which == "session" else which] = (entered, net)

    def top(self, symbol):
        rng = self.rng
        middle = rng.randrange(10_000, 20_000) * 100
        top = {"bid_price": middle - 100, "bid_qty": rng.choice([0, 100, 900, 900]), "ask_price": middle + 100,
               "ask_qty": rng.choice([0, 100, 900, 900]), "inexact": int(rng.random() < 0.02),
               "crossed": int(rng.random() < 0.02)}
        time = self.now + (5 if rng.random() < 0.01 else -rng.choice([0, 100, 5_000]))
        self.gate.on_records(raw(BOOK_TOP, symbol=symbol, time=time, **top))
        self.model.top(symbol, Top(**top, rx_time=time))
        self.plain.tops[symbol] = ((top["bid_price"], top["bid_qty"]), (top["ask_price"], top["ask_qty"]),
                                   not (top["inexact"] or top["crossed"]), time)

    def intent(self):
        """Mostly orders that could pass, each now and then with something that could not be."""
        rng, config = self.rng, self.config
        symbol = rng.randrange(config.symbols)
        limits, top = self.plain.limits[symbol], self.plain.tops[symbol]
        side = rng.choice([0, 1, 3])
        price = (top[1] if side == 0 else top[0])[0] + rng.choice([-100, 0, 0, 100])
        self.serial += 1
        slot, again = rng.randrange(config.open_orders), rng.choice(self.model.recent or [None])
        if self.ids and rng.random() < 0.15:
            slot = rng.choice(self.ids) % config.open_orders
        count = self.serial if rng.random() < 0.97 else rng.randrange(self.serial)
        one = {"order_id": count * config.open_orders + slot, "symbol": symbol,
               "side": side, "price": price, "qty": rng.choice([50, 100, 200]), "action": int(rng.random() < 0.05),
               "strategy": rng.randrange(config.strategies), "venue": rng.randrange(config.venues)}
        if self.plain.live and rng.random() < 0.1:
            one["order_id"] = rng.choice(list(self.plain.live))
        if again and rng.random() < 0.05:
            (one["symbol"], one["side"], one["price"], one["qty"]), _ = again
        if rng.random() < 0.5:
            odd = {"symbol": rng.choice([config.symbols, 255, 256 + symbol, 65_535]), "side": rng.choice([2, 4, 255]),
                   "venue": rng.choice([config.venues, 3, 4, 255]), "strategy": rng.choice([config.strategies, 15, 16]),
                   "price": rng.choice([0, 1, price + 1, limits["band"] + price, max(0, price - limits["band"] - 1),
                                        2**32 - 1]) & 0xFFFFFFFF,
                   "qty": rng.choice([0, 1, limits["min"], limits["max"], limits["max"] + 1, limits["long"],
                                      limits["short"], 2**31, 2**32 - 1]) & 0xFFFFFFFF,
                   "action": rng.choice([1, 2, 255])}
            for name in rng.sample(sorted(odd), rng.choice([1, 1, 2])):
                one[name] = odd[name] if name in ("price", "qty") or rng.random() < 0.2 else one[name]
        return one

    def decide(self):
        one = self.intent()
        widths = {"symbol": 8, "side": 2, "action": 1, "strategy": 4, "venue": 2}
        cut = one | {name: one[name] & (1 << width) - 1 for name, width in widths.items()}
        cut["invalid"] = int(cut != one)
        got = software.decide(self.gate.state, INTENT.make(**one), 0, self.now, self.cycle, self.decisions)
        want = self.model.decide(Order(**cut), self.now, self.cycle)
        record = self.decisions[0]
        assert vars(want) == {name: int(record[name]) for name in vars(want)}, one
        plain = self.plain.decide(cut, self.now, self.cycle)
        assert got == want.reasons == sum(1 << reason for reason in plain), (one, plain)
        assert {name: int(record[name]) for name in ("order_id", "symbol", "side", "price", "qty", "strategy")} == {
            name: cut[name] for name in ("order_id", "symbol", "side", "price", "qty", "strategy")}
        if not got and cut["action"] == Action.NEW:
            self.ids.append(cut["order_id"])
        return got

    def happens(self):
        """One thing that is no intent."""
        rng, what = self.rng, self.rng.random()
        if what < 0.35:
            self.top(rng.randrange(self.config.symbols))
        elif what < 0.85:
            self.execution()
        elif what < 0.92:
            self.control()
        elif what < 0.925:
            self.hold()
        elif what < 0.93:
            self.duplicates(self.rng.choice([1, 8, 500, 1_000, 1_000, 1_000, 20_000, 0]))
        elif what < 0.935:
            self.delta(rng.randrange(self.config.symbols), rng.choice([256, 256, 128, -70, 0, 32_767, -32_768, None]))
        elif what < 0.94:
            self.most_delta(rng.choice([0, 1_000, 10**5, 10**6, 2**32 - 1]))
        elif what < 0.96:
            symbol = rng.randrange(self.config.symbols)
            halted = rng.random() < 0.3
            self.gate.on_records(raw(MARKET_EVENT, type=ord("H"), symbol=symbol, detail=ord("P" if halted else "T")))
            self.model.halted[symbol] = halted
            (self.plain.halted.add if halted else self.plain.halted.discard)(symbol)
        elif what < 0.98:
            self.limits(rng.randrange(self.config.symbols))
        elif what < 0.99:
            self.account(rng.choice([*range(self.config.strategies), "session"]))
        else:
            self.rate(rng.choice([*range(self.config.strategies), "session"]))

    def execution(self):
        rng = self.rng
        known = self.ids and rng.random() < 0.995
        order = self.ids.pop(rng.randrange(len(self.ids))) if known else rng.randrange(1 << 64)
        kind = rng.choice("FFFF4C8A0" if rng.random() < 0.999 else "GH")
        if kind == "A" and rng.random() < 0.5:  # its frame did not leave
            self.gate.on_records(raw(ORDER_SENT, order_id=order, flags=1))
            self.model.unsent(order)
            self.plain.gone(order)
            return
        qty = rng.choice([10, 50, 100]) if kind == "F" else 0
        self.gate.on_records(raw(EXECUTION, order_id=order, exec_type=ord(kind), last_qty=qty))
        self.model.report(ord(kind), order, qty)
        if kind == "F":
            self.plain.filled(order, qty)
        elif kind in "48C":
            self.plain.gone(order)
        elif kind in "GH":
            self.plain.all = True
        if kind in "FA0":
            self.ids.append(order)

    def control(self):
        rng, model, plain = self.rng, self.model, self.plain
        venue, strategy = rng.randrange(self.config.venues), rng.randrange(self.config.strategies)
        if rng.random() < 0.05:
            name, value = rng.choice([("kill", 1), ("venue_kill", 1 << venue), ("strategy_kill", 1 << strategy)])
            self.gate.apply([Write(GATE, name, 0, value)])
            if name == "kill":
                model.kill_global()
                plain.all = True
            elif name == "venue_kill":
                model.venue_killed[venue] = True
                plain.kills.add(("venue", venue))
            else:
                model.strategy_killed[strategy] = True
                plain.kills.add(("strategy", strategy))
            return
        key = RESUME_KEY if rng.random() < 0.95 else 0
        everything = int(rng.random() < 0.9)
        self.gate.apply([Write(GATE, "resume", 0, GATE["resume"].pack(
            key=key, all=everything, venues=1 << venue, strategies=1 << strategy))])
        model.resume(key, bool(everything), 1 << venue, 1 << strategy)
        if key:
            plain.all &= not everything
            plain.kills -= {("venue", venue), ("strategy", strategy)}

    def run(self, intents):
        """Counts of reasons: every set of them that came up."""
        counts = Counter()
        for _ in range(intents):
            while self.rng.random() < 0.4:
                self.happens()
            if (chance := self.rng.random()) < 0.2:
                self.beat()
            elif chance < 0.202:
                self.beat(self.rng.choice([0, 7, 8, 2**40, 2**40 - 1]))
            elif chance < 0.23:
                self.beat(100_000)
            counts[self.decide()] += 1
            step = self.rng.choice([1, 1, 10, 1_000])
            self.now, self.cycle = self.now + PERIOD * step, self.cycle + step
        self.same_state()
        return counts

    def same_state(self):
        state, model = self.gate.state, self.model
        assert state["position"][0].tolist() == [one.position for one in model.exposure]
        assert state["open"][0].tolist() == [one.open for one in model.exposure]
        assert (bool(state["killed"][0]), int(state["cause"][0])) == (model.killed, model.cause)
        assert state["delta_use"][0].tolist() == model.delta_use
        assert state["accounts"]["gross"][0].tolist() == [one.gross for one in (*model.accounts, model.firm)]
        assert state["accounts"]["net"][0].tolist() == [one.net for one in (*model.accounts, model.firm)]
        assert (bool(state["loss"][0]), int(state["strategy_loss"][0])) == (
            model.loss, sum(held << n for n, held in enumerate(model.strategy_loss)))


def raw(record, **values):
    return record.make(**values).view(np.uint8).reshape(-1, RECORD_BYTES)


def test_every_check_of_the_gateware_is_here():
    assert {check.reason: check.cancels for check in HARDWARE} == {
        reason: cancels for reason, (_, cancels) in CHECKS.items() if reason != Reason.KILL} | {Reason.KILL: False}


@pytest.mark.slow
def test_it_agrees_with_the_model_and_with_a_plain_check(rng):
    """Some days, and more of them until every reason came up alone, and with every other."""
    bits = [check.reason for check in HARDWARE]
    counts, days, missing, pairs = Counter(), 0, bits, []
    while days < DAYS or ((missing or pairs) and days < MOST_DAYS):
        counts += Stream(GBE, rng).run(INTENTS // DAYS)
        days += 1
        missing = [reason.name for reason in bits if not counts[1 << reason]]
        pairs = [(one.name, other.name) for one, other in combinations(bits, 2)
                 if not any(set_ >> one & 1 and set_ >> other & 1 for set_ in counts)]
    print(f"{days} days of {INTENTS // DAYS:,} intents: {counts[0]:,} passed, {len(counts)} different sets of reasons")
    assert counts[0] > INTENTS // 50
    assert not missing, "never alone"
    assert not pairs, "never together"


def test_it_agrees_in_another_size(rng):
    counts = Stream(TINY, rng).run(5_000)
    assert counts[0]


def test_a_batch_is_the_same_as_one_after_the_other(rng):
    gates = [SoftwareGate(GBE), SoftwareGate(GBE)]
    stream = Stream(GBE, rng)
    for gate in gates:
        gate.state[:] = stream.gate.state
    intents = np.concatenate([INTENT.make(**stream.intent()) for _ in range(500)]).astype(INTENT.dtype)
    now = START + np.arange(500, dtype=np.int64) * 1_000
    one, many = np.zeros(500, DECISION.dtype), np.zeros(500, DECISION.dtype)
    for at in range(500):
        gates[0].decide(intents, int(now[at]), at, one)
    software.decide_all(gates[1].state, intents, now, now // PERIOD, many)
    assert one.tobytes() == many.tobytes()
    assert gates[0].state.tobytes() == gates[1].state.tobytes()


def test_after_reset_everything_is_rejected():
    gate = SoftwareGate(GBE)
    (decision,) = gate.decide(INTENT.make(order_id=1, price=10_000, qty=1), START)
    assert decision["reasons"] & 1 << Reason.RESTRICTED
    assert decision["rate_slack"] == NEVER


def test_a_check_that_is_missing_here_rejects_every_new_order(monkeypatch):
    monkeypatch.setattr(software, "_LACKS", 1 << Reason.COLLAR)
    gate = Stream(GBE, random.Random(1)).gate
    for action in Action:
        intents, decisions = (made.view(np.recarray) for made in (
            INTENT.make(order_id=1, action=action), np.zeros(1, DECISION.dtype)))
        software.decide.py_func(gate.state.view(np.recarray), intents, 0, START, 0, decisions)
        assert bool(decisions.reasons[0] & 1 << Reason.COLLAR) == (action == Action.NEW)
