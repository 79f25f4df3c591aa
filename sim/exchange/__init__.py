"""The exchange simulator: price-time matching, ITCH 5.0 over MoldUDP64 out, FIX 4.4 over TCP in and out."""

from sim.exchange.exchange import Exchange, Latency, Sent
from sim.exchange.fade import Fade
from sim.exchange.flow import FlowRates
from sim.exchange.stocks import STOCKS, Stock

__all__ = ["STOCKS", "Exchange", "Fade", "FlowRates", "Latency", "Sent", "Stock"]
