"""The desk as processes: each service in its own, over one bus, and one that looks after them."""
