"""The virtual NIC: the gateware compiled with Verilator, driven from Python in whole frames and records."""

from sim.nic.virtual import Records, TxFrame, VirtualNic

__all__ = ["Records", "TxFrame", "VirtualNic"]
