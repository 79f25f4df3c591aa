"""Damaged feeds through the compiled NIC: its books are exact or flagged, never silently wrong (`make faults`)."""
