"""ONNX: the operator Elu on the node tests of its own package, against its reference evaluator."""

import numpy as np
import pytest
from reference import DTYPES

import elu

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnx.reference")


def node_tests():
    """Those of one node; the package has others, where Elu is expanded to simpler ones."""
    pytest.importorskip("onnx.backend.test.case.node.elu")  # no other operator's
    cases = onnx.backend.test.case.node._NodeTestCases
    return [case for case in cases if [n.op_type for n in case.model.graph.node] == ["Elu"]]


def alpha_of(node):
    return next((a.f for a in node.attribute if a.name == "alpha"), 1.0)


@pytest.mark.parametrize("case", node_tests(), ids=lambda case: case.name)
def test_node(case):
    (node,) = case.model.graph.node
    evaluator = onnx.reference.ReferenceEvaluator(case.model)
    for inputs, outputs in case.data_sets:
        result = elu.elu(inputs[0], alpha_of(node))
        (evaluated,) = evaluator.run(None, {node.input[0]: inputs[0]})
        for expected in (outputs[0], evaluated):
            assert result.dtype == expected.dtype
            np.testing.assert_allclose(result, expected, rtol=case.rtol, atol=case.atol)


def test_the_node_tests_are_there():
    assert {case.name for case in node_tests()} >= {"test_elu", "test_elu_default"}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0, 3.0])
def test_against_the_evaluator(alpha, dtype):
    x = np.linspace(-8, 8, 1001, dtype=dtype)
    helper, kind = onnx.helper, onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        [helper.make_node("Elu", ["x"], ["y"], alpha=alpha)],
        "elu",
        [helper.make_tensor_value_info("x", kind, [None])],
        [helper.make_tensor_value_info("y", kind, [None])],
    )
    (expected,) = onnx.reference.ReferenceEvaluator(helper.make_model(graph)).run(None, {"x": x})
    eps = np.finfo(dtype).eps
    result = elu.elu(x, alpha)
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=4 * eps, atol=4 * eps * max(alpha, 1))
