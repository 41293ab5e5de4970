"""scikit-learn: a step of a Pipeline that is fitted, pickled, loaded elsewhere, and cloned."""

import pickle

import numpy as np
import pytest
from processes import run_python
from reference import FUNCTIONS, assert_same_bits

import elu

sklearn = pytest.importorskip("sklearn")

PREDICT = """
import pickle, sys
model, x = pickle.load(sys.stdin.buffer)
pickle.dump(model.predict_proba(x), sys.stdout.buffer)
"""


@pytest.fixture(scope="module")
def iris():
    return pytest.importorskip("sklearn.datasets").load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def model(iris):
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    linear_model = pytest.importorskip("sklearn.linear_model")
    return pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        preprocessing.FunctionTransformer(elu.elu, kw_args={"alpha": 1.5}),
        linear_model.LogisticRegression(max_iter=1000),
    ).fit(*iris)


def test_fitted(model, iris):
    assert model.score(*iris) > 0.9


def test_pickled_and_loaded_in_another_process(model, iris):
    process = run_python(PREDICT, text=False, input=pickle.dumps((model, iris[0])))
    assert_same_bits(pickle.loads(process.stdout), model.predict_proba(iris[0]))


def test_cloned_and_searched(model, iris):
    selection = pytest.importorskip("sklearn.model_selection")
    search = selection.GridSearchCV(
        sklearn.base.clone(model),
        {"functiontransformer__kw_args": [{"alpha": 0.5}, {"alpha": 2}]},
        cv=2,
    )
    search.fit(*iris)
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("validate", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transformer(dtype, validate):
    transformer = pytest.importorskip("sklearn.preprocessing").FunctionTransformer
    x = np.linspace(-3, 3, 12, dtype=dtype).reshape(3, 4)
    result = transformer(elu.elu, validate=validate).fit_transform(x)
    assert_same_bits(result, elu.elu(x))


def test_frames_keep_their_labels():
    pd = pytest.importorskip("pandas")
    transformer = pytest.importorskip("sklearn.preprocessing").FunctionTransformer
    frame = pd.DataFrame({"p": [-1.0, 2], "q": [-0.5, -3]}, index=["a", "b"])
    step = transformer(elu.elu, feature_names_out="one-to-one").set_output(transform="pandas")
    pd.testing.assert_frame_equal(step.fit_transform(frame), elu.elu(frame))
    assert step.get_feature_names_out().tolist() == ["p", "q"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_pickled_by_name(name):
    function = getattr(elu, name)
    assert pickle.loads(pickle.dumps(function)) is function
