"""What the tests of faults ask for, beside the fixtures of ../conftest.py."""

import pytest

from faults import planned
from programs import program_built


@pytest.fixture
def plan(root):
    """Which calls fail; see faults.Plan. What is started with its environment has the shim."""
    if not program_built("faults.so").is_file():
        pytest.skip("the shim is not built: a sanitizer has its place")
    with planned(root) as made:
        yield made
