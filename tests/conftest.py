"""What every test file shares: one Hypothesis profile, and a thread count left as found."""

import hypothesis
import pytest

import elu

hypothesis.settings.register_profile("elu", deadline=None, max_examples=200)
hypothesis.settings.load_profile("elu")


@pytest.fixture(autouse=True)
def _thread_count():
    before = elu.get_num_threads()
    yield
    elu.set_num_threads(before)
