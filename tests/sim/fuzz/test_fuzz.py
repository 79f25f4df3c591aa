"""The short form of `make fuzz`, and that a disagreement is found."""

from hdl.net.receiver import CAUSES
from hdl.venue import SIMULATED
from sim.fuzz.campaign import Campaign
from sim.fuzz.frames import MAX_FRAME, FeedFrames, spoil
from sim.models.receiver import ReceiverModel

BATCHES, FROM = 8, 1_000_000


def test_the_nic_agrees_with_the_models(rng):
    with Campaign() as campaign:
        first = rng.randrange(FROM)
        report = campaign.run(range(first, first + BATCHES))
    print(*report.lines(), sep="\n")
    assert not report.disagreements
    for name in (*CAUSES.values(), "malformed", "unknown_type", "messages"):
        assert report.count[name], f"no frame was counted as {name}"
    assert report.exact


class Wrong(ReceiverModel):
    """Counts fragments as something else."""

    def receive(self, frame, error=False):
        payload, cause = super().receive(frame, error)
        return payload, "not_udp" if cause == "fragment" else cause


def test_a_disagreement_is_found():
    with Campaign() as campaign:
        for receiver in campaign.model.receivers:
            receiver.__class__ = Wrong
        report = campaign.run(range(BATCHES))
    assert "fragment" in report.disagreements[0].what


def test_frames_are_within_the_port_s_limits(rng):
    made = FeedFrames(rng, SIMULATED[0], {1: "AAPL"})
    for _ in range(300):
        frame, _error = spoil(rng, made.frame())
        assert 0 < len(frame) <= MAX_FRAME
