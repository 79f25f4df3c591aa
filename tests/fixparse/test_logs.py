"""Log lines: prefixes, separators, and lines that hold no message."""

import pytest

from fixparse.codec import build, parse
from fixparse.logs import lines, read

RAW = build(b"FIX.4.4", [(35, b"0"), (34, b"1"), (58, b"a;b|c")]).raw


@pytest.mark.parametrize("separator", [b"\x01", b";", b"|"])
@pytest.mark.parametrize("prefix", [b"", b"2018/02/23 19:14:25.174454 ", b"INFO :: Incoming[X]: "])
@pytest.mark.parametrize("end", [b"", b"\r", b" (42 us)"])
def test_separators_and_prefixes(separator, prefix, end):
    log = b"junk\n\n" + prefix + RAW.replace(b"\x01", separator) + end + b"\nmore junk\n"
    (line,) = lines(log)
    assert line.raw == RAW
    assert (line.number, line.prefix) == (3, prefix)
    assert log[line.offset:line.offset + 5] == b"8=FIX"
    assert parse(line.raw)[58] == b"a;b|c"


def test_a_message_without_its_last_separator_is_given_as_it_is():
    (line,) = lines(RAW[:-1] + b"\n")
    assert line.raw == RAW[:-1]


@pytest.mark.data
def test_real_logs(data_dir):
    counts = {"fix42_orders_and_executions.log": 2486, "fix44_broker_uat.txt": 330, "fixt11_exec_banzai.log": 94,
              "malformed_body_lengths.log": 84}
    for name, count in counts.items():
        assert len(list(read(data_dir / "fix" / name))) == count
    first = next(read(data_dir / "fix" / "fix44_broker_uat.txt"))
    assert first.prefix.endswith(b"TracingIncomingMessage[HFE_UAT_EQ_US]: ")
