"""What CI does where there is no browser, with programs that only pretend: `.ci/browser` in a PATH of our own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sim import browser

SCRIPT = Path(browser.__file__).resolve().parent.parent / ".ci" / "browser"
#: What the script needs of the machine; nothing else is in its PATH.
_TOOLS = ("bash", "env", "sleep", "timeout", "touch")


class Machine:
    """A PATH in which programs are what a test says; `ran` is what apt-get was asked for."""

    def __init__(self, folder):
        self.bin, self.log = folder / "bin", folder / "log"
        self.bin.mkdir()
        for name in _TOOLS:
            (self.bin / name).symlink_to(shutil.which(name))

    def has(self, name, text):
        path = self.bin / name
        path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
        path.chmod(0o755)

    def run(self, limit="20"):
        done = subprocess.run([SCRIPT], env={"PATH": str(self.bin), "TICKGATE_BROWSER_LIMIT": limit},
                              capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0  # it never fails
        return done.stderr

    @property
    def ran(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def apt(self, then):
        """`then` sees what was asked in $asked."""
        self.has("apt-get", f'asked="$*"; echo "$asked" >>{self.log}\n{then}')


@pytest.fixture
def machine(tmp_path):
    one = Machine(tmp_path)
    one.has("id", "echo 0")
    return one


def installs(machine, programs):
    made = "; ".join(f"printf '#!%s\\nexit 0\\n' {shutil.which('bash')} >{machine.bin / name}; "
                     f"{shutil.which('chmod')} +x {machine.bin / name}" for name in programs)
    return f'[[ $asked == *" install "* && $asked != *download-only* ]] && {{ {made}; }}; exit 0'


def test_a_browser_that_is_there_is_left_alone(machine):
    machine.apt("exit 1")
    for name in ("chromium", "chromedriver"):
        machine.has(name, "exit 0")
    assert machine.run() == ""
    assert machine.ran == []


def test_root_gets_one(machine):
    machine.apt(installs(machine, ("chromium", "chromedriver")))
    assert machine.run() == ""
    assert [line.split()[-2:] for line in machine.ran if "install" in line] == [["chromium", "chromium-driver"]] * 2


def test_the_other_name(machine):
    machine.apt('[[ $asked == *"chromium chromium-driver" ]] && exit 100\n'
                + installs(machine, ("chromium-browser", "chromedriver")))
    assert machine.run() == ""
    assert machine.ran[-1].endswith("chromium-browser chromium-chromedriver")


def test_a_stub_counts_as_none(machine):
    """Ubuntu's chromium-browser says that it needs a snap."""
    machine.apt("exit 0")
    machine.has("chromium-browser", "exit 1")
    machine.has("chromedriver", "exit 1")
    assert "could not install a browser that works" in machine.run()


def test_who_is_not_root_is_told(machine):
    machine.has("id", "echo 1000")
    machine.apt("exit 0")
    assert "not root" in machine.run()
    assert machine.ran == []


def test_without_apt(machine):
    assert "no apt-get" in machine.run()


def test_a_mirror_that_hangs_is_given_up(machine):
    machine.apt("exec sleep 600")
    assert "within 1 s" in machine.run(limit="1")


def test_a_browser_that_does_not_start_says_so(machine, monkeypatch):
    machine.has("chromedriver", "echo cannot listen; exit 1")
    monkeypatch.setenv("PATH", str(machine.bin), prepend=os.pathsep)
    with pytest.raises(browser.BrowserError, match="does not start: cannot listen"):
        browser.Browser()
