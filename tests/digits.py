"""A small fully connected network in NumPy that learns scikit-learn's handwritten digits.

The activation is a pair of functions. `forward(x)` gives the layer's output, and `backward(grad, x,
y)` the gradient for its input, from the gradient for its output and either of x and y.
"""

from itertools import pairwise

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import elu

FROM_INPUT = (elu.elu, lambda grad, x, y: elu.elu_grad(grad, x))
FROM_OUTPUT = (elu.elu, lambda grad, x, y: elu.elu_grad_from_output(grad, y))
# y takes x's memory, and the new gradient the old one's: no array is kept beside y.
IN_PLACE = (
    lambda x: elu.elu(x, out=x),
    lambda grad, x, y: elu.elu_grad_from_output(grad, y, out=grad),
)
RELU = (lambda x: np.maximum(x, 0), lambda grad, x, y: grad * (x > 0))


def load(dtype=np.float32):
    """Images of 8 x 8 pixels between 0 and 1 and what they show: to learn from, and held out."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(dtype)
    train_x, test_x, train_t, test_t = train_test_split(
        images, labels, test_size=0.25, random_state=0, stratify=labels
    )
    return (train_x, train_t), (test_x, test_t)


def network(sizes=(64, 48, 48, 10), seed=0, bias=0.0, dtype=np.float32):
    """Layers as pairs of weights and biases; all hidden biases begin as `bias`."""
    rng = np.random.default_rng(seed)
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        weights = rng.normal(0, np.sqrt(2 / fan_in), (fan_in, fan_out)).astype(dtype)
        layers.append((weights, np.full(fan_out, bias, dtype)))
    layers[-1][1][:] = 0
    return layers


def run(layers, images, activation):
    """Each layer's input, x and y = activation(x), and the scores of the ten digits."""
    forward, _ = activation
    trace, y = [], images
    for weights, bias in layers[:-1]:
        below, x = y, y @ weights + bias
        y = forward(x)
        trace.append((below, x, y))
    weights, bias = layers[-1]
    return trace, y, y @ weights + bias


def loss_and_gradients(layers, images, labels, activation):
    """Mean cross entropy, the gradient of each layer, and that of each hidden layer's x."""
    _, backward = activation
    trace, y, scores = run(layers, images, activation)
    scores = scores - scores.max(axis=1, keepdims=True)
    log_p = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    loss = -log_p[rows, labels].mean()

    grad = np.exp(log_p)
    grad[rows, labels] -= 1
    grad /= len(labels)
    gradients, at_x = [(y.T @ grad, grad.sum(axis=0))], []
    for (weights, _), (below, x, y) in zip(layers[:0:-1], trace[::-1], strict=True):
        grad = backward(grad @ weights.T, x, y)
        gradients.insert(0, (below.T @ grad, grad.sum(axis=0)))
        at_x.insert(0, grad)
    return loss, gradients, at_x


def train(layers, images, labels, activation, epochs=30, rate=0.1, momentum=0.9, seed=0):
    """Stochastic gradient descent with momentum; changes `layers`."""
    rng = np.random.default_rng(seed)
    speeds = [[np.zeros_like(p) for p in layer] for layer in layers]
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(len(labels)), len(labels) // 32):
            _, gradients, _ = loss_and_gradients(layers, images[batch], labels[batch], activation)
            for layer, speed, gradient in zip(layers, speeds, gradients, strict=True):
                for p, v, g in zip(layer, speed, gradient, strict=True):
                    v *= momentum
                    v -= rate * g
                    p += v


def accuracy(layers, images, labels, activation):
    _, _, scores = run(layers, images, activation)
    return (scores.argmax(axis=1) == labels).mean()


def dead_units(layers, images, labels, activation):
    """Hidden units that get no gradient from any of the images, and so never change again."""
    _, _, at_x = loss_and_gradients(layers, images, labels, activation)
    return sum(int((grad == 0).all(axis=0).sum()) for grad in at_x)
