"""What goes wrong for reasons that a user can do something about."""


class UserError(Exception):
    """Bad input or a missing thing: shown as it is, exit code 2. Says where, and what to do."""
