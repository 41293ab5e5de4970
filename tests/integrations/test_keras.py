"""Keras on its NumPy backend, which is chosen before the import: in a process of its own."""

import pytest
from integrations import recipes
from processes import run_python

PROGRAM = """
import elu
import keras
import numpy as np

{recipe}

x = np.linspace(-3, 3, 12, dtype=np.float32).reshape(4, 3)
for chosen in (elu.elu, activation):
    dense = keras.layers.Dense(5, activation=chosen)
    model = keras.Sequential([keras.Input((3,)), dense])
    predicted = model.predict(x, verbose=0)
    kernel, bias = dense.get_weights()
    np.testing.assert_allclose(predicted, elu.elu(x @ kernel + bias), rtol=1e-5, atol=1e-6)
model.save("model.keras")
loaded = keras.models.load_model("model.keras")
assert np.array_equal(loaded.predict(x, verbose=0), predicted)
"""


def test_a_model_predicts_and_is_saved_and_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "numpy")  # importorskip would import TensorFlow
    pytest.importorskip("keras")
    run_python(PROGRAM.format(recipe=recipes.recipes()["Keras"]), warnings=None, cwd=tmp_path)
