"""The book model against what exchanges and other programs say about real days."""

import csv
import re
from decimal import Decimal

import pytest

from hdl.layouts import Inexact, Side
from sim import itch
from sim.capture import messages as itch_messages
from sim.models.book import BookModel, PriceLevel, SymbolBook

pytestmark = []
