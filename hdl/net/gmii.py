"""Bytes between MAC and PHY interface.

Sources: GMII signals: IEEE Std 802.3-2022, 35.2.2; frame format: 3.1 and 3.2; frame check sequence: 3.2.9;
inter-packet gap: 4.4.2.
"""

from amaranth.hdl import unsigned
from amaranth.lib import data
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC

#: The frame check sequence, sent lowest byte first: `.create()` is the gateware, `.compute()` the model.
FCS = CRC32_ISO_HDLC(data_width=8)

PREAMBLE, SFD = 0x55, 0xD5
#: Bytes of preamble before the start frame delimiter.
PREAMBLE_BYTES = 7
#: Inter-packet gap at full speed, 96 bit times.
GAP_BYTES = 12


class Gmii(data.Struct):
    """One byte time. `valid` is RX_DV or TX_EN, `error` RX_ER or TX_ER."""
    data: unsigned(8)
    valid: unsigned(1)
    error: unsigned(1)
