"""What can go wrong with a bitstream, each said in a few lines for the person at the terminal."""


class BitstreamError(Exception):
    """A bitstream could not be made."""


class ToolError(BitstreamError):
    """A tool failed; the message has its last lines and names its log."""


class FitError(BitstreamError):
    """The design needs more of the device than there is; the message says of what, and how much."""


class TimingError(BitstreamError):
    """A clock does not reach its target. `manifest` says by how much, for every clock."""

    def __init__(self, message: str, manifest=None):
        super().__init__(message)
        self.manifest = manifest
