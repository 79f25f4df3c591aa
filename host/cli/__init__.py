"""The `tickgate` command: one file a command, each light to import; what a command needs it imports when it runs."""
