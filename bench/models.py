"""Models of a single ELU operator, for the runtimes that only run models.

Written out here, so that neither the onnx package nor TensorFlow is needed to make them.
"""


def onnx_elu() -> bytes:
    """y = Elu(x), float32 vectors of any length, as an ONNX ModelProto.

    The field numbers are those of onnx.proto. In protobuf's encoding a field is its number and
    wire type in one byte, then the value: an integer, or a length and that many bytes.
    """

    def integer(number: int, value: int) -> bytes:
        return bytes([number << 3, value])

    def message(number: int, *parts: bytes) -> bytes:
        content = b"".join(parts)
        return bytes([number << 3 | 2, len(content)]) + content

    def vector(number: int, name: bytes) -> bytes:
        shape = message(2, message(1, message(2, b"n")))  # one dimension, called n
        return message(number, message(1, name), message(2, message(1, integer(1, 1), shape)))

    node = message(1, message(1, b"x"), message(2, b"y"), message(4, b"Elu"))
    graph = message(7, node, message(2, b"elu"), vector(11, b"x"), vector(12, b"y"))
    opset = message(8, integer(2, 13))
    return integer(1, 8) + opset + graph  # 8: the version of the format


def litert_elu(size: int) -> bytes:
    """y = ELU(x), float32 vectors of this size, as a LiteRT (TensorFlow Lite) flatbuffer."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str):
        made = schema.TensorT()
        made.name, made.shape, made.type, made.buffer = name, [size], schema.TensorType.FLOAT32, 0
        return made

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ELU
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [0], [1]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [tensor("x"), tensor("y")], [operator]
    graph.inputs, graph.outputs = [0], [1]
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]  # by convention the first one is empty

    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
