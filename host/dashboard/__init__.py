"""The live page of a session: what it shows, how it is served, and who may stop orders from it."""
