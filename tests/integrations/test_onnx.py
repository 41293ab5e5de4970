"""ONNX: Elu, Selu and Celu on the node tests of its own package, against its evaluator."""

import numpy as np
import pytest
from reference import DTYPES, FORWARD, function

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")


def node_tests():
    """Those of one node; the package has others, where it is expanded to simpler ones."""
    for name in FORWARD:
        pytest.importorskip(f"onnx.backend.test.case.node.{name}")  # no other operator's
    nodes = [(case, case.model.graph.node) for case in onnx.backend.test.case.node._NodeTestCases]
    return [
        case for case, (node, *others) in nodes
        if node.op_type.lower() in FORWARD and not others
        and not (node.op_type == "Selu" and node.attribute)  # here its constants are constant
    ]


def alpha_of(node):
    return next((a.f for a in node.attribute if a.name == "alpha"), 1.0)


@pytest.mark.parametrize("case", node_tests(), ids=lambda case: case.name)
def test_node(case):
    (node,) = case.model.graph.node
    evaluator = onnx.reference.ReferenceEvaluator(case.model)
    for inputs, outputs in case.data_sets:
        result = function(node.op_type.lower())(inputs[0], alpha_of(node))
        (evaluated,) = evaluator.run(None, {node.input[0]: inputs[0]})
        for expected in (outputs[0], evaluated):
            assert result.dtype == expected.dtype
            np.testing.assert_allclose(result, expected, rtol=case.rtol, atol=case.atol)


def test_the_node_tests_are_there():
    names = {"test_elu", "test_elu_default", "test_selu_default", "test_celu"}
    assert {case.name for case in node_tests()} >= names


@pytest.mark.parametrize(
    ("operator", "alpha", "dtype"),
    [
        *[("Elu", alpha, dtype) for alpha in (0.0, 0.5, 1.0, 3.0) for dtype in DTYPES],
        *[("Selu", None, dtype) for dtype in DTYPES],
        *[("Celu", alpha, np.float32) for alpha in (0.5, 1.0, 3.0)],  # it has no other
    ],
)
def test_against_the_evaluator(operator, alpha, dtype):
    x = np.linspace(-8, 8, 1001, dtype=dtype)
    helper, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], alpha=alpha)],
        "elu",
        [helper.make_tensor_value_info("x", kind, [None])],
        [helper.make_tensor_value_info("y", kind, [None])],
    )
    (expected,) = onnx.reference.ReferenceEvaluator(helper.make_model(graph)).run(None, {"x": x})
    # ONNX has the constants of Selu in float32.
    eps = np.finfo(np.float32 if operator == "Selu" and dtype == np.float64 else dtype).eps
    result = function(operator.lower())(x, alpha)
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=4 * eps, atol=4 * eps * max(alpha or 1, 1))
