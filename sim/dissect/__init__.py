"""For those who look at the wire: scapy layers, and a Wireshark dissector in Lua, both made from the declarations.

    from sim.dissect import layers                  # Ether(frame) then shows MoldUDP64, ITCH 5.0 and bridge records
    python -m sim.dissect build/tickgate.lua        # wireshark -X lua_script:build/tickgate.lua
"""
