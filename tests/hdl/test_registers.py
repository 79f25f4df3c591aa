"""The register map: every register has one address of its own, whatever the sizes."""

import dataclasses

import pytest

from hdl.config import GBE, TINY
from hdl.registers import BLOCKS, GATE, LIMITS, SYMBOL, RegisterMap

CONFIGS = pytest.mark.parametrize("config", [GBE, TINY, dataclasses.replace(GBE, symbols=256, strategies=16)],
                                  ids=["gbe", "tiny", "256-symbols"])


@CONFIGS
def test_addresses_are_unique_and_inside_the_map(config):
    registers = RegisterMap(config)
    seen = {}
    for block in BLOCKS:
        for index in range(registers.count[block.name]):
            for reg in block.regs:
                address = registers.address(block, reg.name, index)
                assert address not in seen, f"{block.name}.{reg.name} and {seen[address]} share {address}"
                seen[address] = f"{block.name}[{index}].{reg.name}"
                assert 0 <= address < registers.words <= 1 << 16


@CONFIGS
def test_an_address_splits_by_its_bits(config):
    registers = RegisterMap(config)
    for block in BLOCKS:
        size = registers.size[block.name]
        assert size & (size - 1) == 0
        assert registers.base[block.name] % size == 0


def test_an_instance_that_is_not_there_is_refused():
    with pytest.raises(IndexError, match="this NIC has 8"):
        RegisterMap(GBE).address(SYMBOL, "name", 8)


def test_an_unknown_register_is_refused():
    with pytest.raises(KeyError, match="has no register"):
        RegisterMap(GBE).address(GATE, "nonsense")


def test_fields_pack_and_unpack(rng):
    for block in BLOCKS:
        for reg in block.regs:
            values = {bits.name: rng.randrange(1 << bits.width) for bits in reg.bits}
            if values:
                assert reg.unpack(reg.pack(**values)) == values
                assert sum(bits.width for bits in reg.bits) <= 64


def test_a_value_that_does_not_fit_names_its_field():
    with pytest.raises(ValueError, match=r"collar.band = 4294967296 does not fit 32 bits"):
        LIMITS["collar"].pack(band=1 << 32)
    with pytest.raises(ValueError, match="has no field width"):
        LIMITS["collar"].pack(width=1)
