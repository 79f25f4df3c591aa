-- Tick-to-trade by stage: the time between one place and the next on the way of each new order, from what caused it
-- to the NIC's first byte out ('nic.tx'). 'total' is of those that a tick caused ('nic.rx'). All in ns.
WITH routed AS (
    SELECT session, seq, hops, list_transform(hops, lambda hop: hop.place) AS places
    FROM "orders.routed" WHERE what = 'NewOrder'
), ways AS (
    SELECT session, seq, hops[1:list_position(places, 'nic.tx')] AS way,
           CASE WHEN list_contains(places, 'nic.needed') THEN 'trigger' ELSE 'host' END AS origin
    FROM routed WHERE list_position(places, 'nic.tx') > 1
), steps AS (
    SELECT origin, generate_subscripts(way, 1) AS n, way FROM ways
), times AS (
    SELECT origin, n, way[n - 1].place || ' > ' || way[n].place AS stage, way[n].time - way[n - 1].time AS ns
    FROM steps WHERE n > 1
    UNION ALL
    SELECT origin, 1000, 'total', way[-1].time - way[1].time FROM ways WHERE way[1].place = 'nic.rx'
)
SELECT origin, stage, count(*)::BIGINT AS orders, min(ns) AS min, quantile_disc(ns, $cuts::DECIMAL(4, 3)[]) AS cuts,
       max(ns) AS max
FROM times GROUP BY origin, stage ORDER BY origin, min(n), stage
