"""Mutated frames through the compiled NIC, held to the golden models (`make fuzz`)."""
