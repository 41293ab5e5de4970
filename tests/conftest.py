"""What all test files share: a Hypothesis profile, the dtypes, a thread count left as found."""

import hypothesis
import pytest
from reference import DTYPES

import elu

hypothesis.settings.register_profile("elu", deadline=None, max_examples=200)
hypothesis.settings.load_profile("elu")


@pytest.fixture(scope="module", params=DTYPES, ids=lambda dtype: dtype.__name__)
def dtype(request):
    return request.param


@pytest.fixture(autouse=True)
def _thread_count():
    before = elu.get_num_threads()
    yield
    elu.set_num_threads(before)
