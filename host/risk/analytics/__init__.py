"""Risk analytics: prices, Greeks and implied volatilities of options; value at risk; stress.

Everything here is floating point, vectorised, and decides nothing by itself. What it finds reaches limits and orders
through `host.risk.analytics.crossing` alone, as integers.
"""
