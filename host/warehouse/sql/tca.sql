-- What trading cost against the market at the time, by one key. Sums are exact: a mid is bid + ask, and costs are
-- twice 1e-4 USD x shares. Positive is a cost. Times: an order arrives at its venue's book as it was when the order's
-- first byte left the NIC; a fill is when its report reached the NIC.
WITH tops AS (
    SELECT session, symbol, time::BIGINT AS time, bid_price::BIGINT + ask_price::BIGINT AS mid2
    FROM "market.tops" WHERE inexact = 0 AND crossed = 0 AND 0 < bid_price AND bid_price < ask_price
), sent AS (
    SELECT session, order_id, symbol, venue, origin, time::BIGINT AS time FROM "nic.sent" WHERE action = 0 AND flags % 2 = 0
), passed AS (
    SELECT session, order_id, any_value(stock) AS stock, any_value(side) AS side, any_value(qty) AS qty,
           any_value(strategy) AS strategy
    FROM "orders.passed" WHERE what = 'NewOrder' GROUP BY session, order_id
), orders AS (
    SELECT sent.*, stock, qty, strategy, CASE side & 1 WHEN 1 THEN -1 ELSE 1 END AS sign, mid2 AS arrival2
    FROM sent JOIN passed USING (session, order_id)
    ASOF LEFT JOIN tops ON sent.session = tops.session AND sent.symbol = tops.symbol AND tops.time <= sent.time
), undone AS (  -- executions that a bust or correction took back
    SELECT session, venue, ref_id AS exec_id FROM "executions.desk" WHERE exec_type IN ('G', 'H')
), told AS (
    SELECT session, venue, exec_id, any_value(order_id) AS order_id, any_value(last_qty) AS qty,
           any_value(last_price) AS price, min(time) AS heard,
           min(CASE hops[1].place WHEN 'nic.rx' THEN hops[1].time ELSE time END) AS time
    FROM "executions.desk" WHERE exec_type IN ('F', 'G') GROUP BY session, venue, exec_id
), counted AS (
    SELECT * FROM told ANTI JOIN undone USING (session, venue, exec_id)
), fills AS (
    SELECT counted.*, orders.symbol, orders.sign, orders.arrival2, orders.stock, mid2 AS fill2, counted.time + $horizon AS later
    FROM counted JOIN orders USING (session, order_id)
    ASOF LEFT JOIN tops ON counted.session = tops.session AND orders.symbol = tops.symbol AND tops.time <= counted.time
), marked AS (
    SELECT fills.*, mid2 AS later2 FROM fills
    ASOF LEFT JOIN tops ON fills.session = tops.session AND fills.symbol = tops.symbol AND tops.time <= fills.later
), held AS (  -- the risk of the moment: what was known before the execution was heard of
    SELECT marked.*, coalesce(positions.qty, 0) AS position FROM marked
    ASOF LEFT JOIN positions ON marked.session = positions.session AND marked.stock = positions.stock
        AND positions.time < marked.heard
), gross AS (
    SELECT session, time, permille FROM "risk.samples" WHERE path = 'firm.gross_usd'
), risked AS (
    SELECT held.*, gross.permille FROM held
    ASOF LEFT JOIN gross ON held.session = gross.session AND gross.time < held.heard
), by_order AS (
    SELECT session, order_id, count(*) AS fills, sum(qty) AS filled,
           sum(CASE WHEN arrival2 IS NULL THEN 0 ELSE qty END) AS measured,
           sum(sign * (2 * price - arrival2) * qty) AS slippage2,
           sum(sign * (2 * price - coalesce(fill2, arrival2)) * qty) AS spread2,
           sum(sign * (later2 - 2 * price) * qty) AS markout2,
           sum(CASE WHEN sign * position >= 0 THEN qty ELSE 0 END) AS adding,
           max(permille) AS gross_permille
    FROM risked GROUP BY session, order_id
)
SELECT {key} AS key, count(*)::BIGINT AS orders, sum(orders.qty)::BIGINT AS sent_qty,
       coalesce(sum(by_order.fills), 0)::BIGINT AS fills, coalesce(sum(filled), 0)::BIGINT AS filled_qty,
       coalesce(sum(measured), 0)::BIGINT AS measured_qty, coalesce(sum(slippage2), 0)::HUGEINT AS slippage2,
       coalesce(sum(spread2), 0)::HUGEINT AS spread2, coalesce(sum(markout2), 0)::HUGEINT AS markout2,
       coalesce(sum(adding), 0)::BIGINT AS adding_qty, max(gross_permille) AS gross_permille
FROM orders LEFT JOIN by_order USING (session, order_id)
GROUP BY ALL ORDER BY {order}
