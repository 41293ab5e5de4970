"""What it is for: a network learns real handwritten digits, with either gradient and in place."""

import digits
import numpy as np
import pytest
import reference

import elu

ELUS = {
    "from input": digits.FROM_INPUT,
    "from output": digits.FROM_OUTPUT,
    "in place": digits.IN_PLACE,
    "celu": (
        lambda x: elu.celu(x, 0.5, out=x),
        lambda grad, x, y: elu.celu_grad_from_output(grad, y, 0.5, out=grad),
    ),
    "selu": (elu.selu, lambda grad, x, y: elu.selu_grad(grad, x)),
}


@pytest.fixture(params=ELUS)
def activation(request):
    return ELUS[request.param]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_network_learns_the_digits(activation, seed, dtype):
    learn, held_out = digits.load(dtype)
    layers = digits.network(seed=seed, dtype=dtype)
    before = digits.accuracy(layers, *held_out, activation)
    digits.train(layers, *learn, activation, rate=0.02 if activation is ELUS["selu"] else 0.1)
    assert before < 0.3
    assert digits.accuracy(layers, *held_out, activation) > 0.95


@pytest.mark.parametrize("bias", [0.0, -1.0])
def test_gradients_of_the_network_agree_with_central_differences(activation, bias):
    (images, labels), _ = digits.load(np.float64)
    images, labels = images[:200], labels[:200]
    layers = digits.network(sizes=(64, 20, 20, 10), bias=bias, dtype=np.float64)
    _, gradients, _ = digits.loss_and_gradients(layers, images, labels, activation)

    def loss():
        return digits.loss_and_gradients(layers, images, labels, activation)[0]

    rng, step = np.random.default_rng(0), 1e-5
    for layer, gradient in zip(layers, gradients, strict=True):
        for parameter, g in zip(layer, gradient, strict=True):
            for i in rng.choice(parameter.size, 10, replace=False):
                kept = parameter.flat[i]
                parameter.flat[i] = kept + step
                above = loss()
                parameter.flat[i] = kept - step
                below = loss()
                parameter.flat[i] = kept
                # The losses are of order 1 and good to 1e-16, so the quotient is to 1e-11; the
                # third derivative adds step**2.
                assert (above - below) / (2 * step) == pytest.approx(g.flat[i], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "alpha"),
    [
        *[("elu", alpha) for alpha in (1.0, 0.0, 0.3, 1.6732632, -0.5)],
        ("selu", None),
        *[("celu", alpha) for alpha in (1.0, 0.3, 7.0)],
    ],
)
def test_gradients_of_the_function_agree_with_central_differences(name, alpha):
    forward, from_input, from_output = (
        reference.function(name + suffix) for suffix in ("", "_grad", "_grad_from_output")
    )
    x = np.linspace(-8, 3, 441) + 0.001  # not within a step of the kink at 0
    step = 1e-5
    difference = (forward(x + step, alpha) - forward(x - step, alpha)) / (2 * step)
    one = np.ones_like(x)
    np.testing.assert_allclose(from_input(one, x, alpha), difference, rtol=0, atol=1e-9)
    if alpha is None or alpha >= 0:
        result = from_output(one, forward(x, alpha), alpha)
        np.testing.assert_allclose(result, difference, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_in_place_takes_the_same_steps_to_the_bit(seed):
    (images, labels), _ = digits.load()
    two = []
    for activation in (digits.FROM_OUTPUT, digits.IN_PLACE):
        layers = digits.network(seed=seed)
        digits.train(layers, images, labels, activation, epochs=2)
        two.append(layers)
    for a, b in zip(*two, strict=True):
        for p, q in zip(a, b, strict=True):
            np.testing.assert_array_equal(p, q)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("bias", "relu_dies"), [(-0.5, False), (-1.0, True)])
def test_units_die_with_relu_and_not_with_elu(seed, bias, relu_dies):
    """From an unkind start, hidden biases far below 0, at the same seed."""
    learn, held_out = digits.load()
    dead, right = {}, {}
    for name, activation in {"relu": digits.RELU, "elu": digits.FROM_INPUT}.items():
        layers = digits.network(seed=seed, bias=bias)
        digits.train(layers, *learn, activation)
        dead[name] = digits.dead_units(layers, *learn, activation)
        right[name] = digits.accuracy(layers, *held_out, activation)
    assert dead["elu"] == 0
    assert right["elu"] > 0.95
    assert dead["relu"] >= 10
    if relu_dies:
        assert dead["relu"] == 96, "all the hidden units"
        assert right["relu"] < 0.2, "no better than a guess"
