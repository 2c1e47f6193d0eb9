"""
A client of SDK 5.x's TextPrompting service made of grpcio and of nothing but the published table of messages: no generated code, no file of this repository.

Reads JSON from standard input: {"port": 1, "calls": [{"release": 520, "method": "Forward", "fields": {}, "metadata": [["key", "value"]], "timeout": 5}]}.
Writes a list of JSON: {"response": {...}, "headers": {...}} or {"code": 16, "details": "..."}, one for each call, in order.
"""

import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
# Name, number, type, whether it is repeated.
VERSION = ("version", 1, FIELD.TYPE_INT32, False)
HOTKEY = ("hotkey", 2, FIELD.TYPE_STRING, False)
RETURN = [("return_message", 4, FIELD.TYPE_STRING, False), ("return_code", 5, FIELD.TYPE_INT32, False)]
ASKING = [("messages", 3, FIELD.TYPE_STRING, True), ("timeout", 4, FIELD.TYPE_FLOAT, False)]
MESSAGES = {
    "ForwardTextPromptingRequest": ASKING,
    "ForwardTextPromptingResponse": [("response", 3, FIELD.TYPE_STRING, False)] + RETURN,
    "MultiForwardTextPromptingRequest": ASKING,
    "MultiForwardTextPromptingResponse": [("multi_completions", 3, FIELD.TYPE_STRING, True)] + RETURN,
    "BackwardTextPromptingRequest": [
        ("rewards", 3, FIELD.TYPE_FLOAT, True),
        ("messages", 4, FIELD.TYPE_STRING, True),
        ("response", 5, FIELD.TYPE_STRING, False),
        ("timeout", 6, FIELD.TYPE_FLOAT, False),
    ],
    "BackwardTextPromptingResponse": RETURN,
}


def classes_of(release):
    """The messages of a release: from 5.3 on without field 2."""
    head = [VERSION] if release >= 530 else [VERSION, HOTKEY]
    file = descriptor_pb2.FileDescriptorProto(name="v%d.proto" % release, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated in head + fields:
            label = FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
            message.field.add(name=field, number=number, type=kind, label=label)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = {}
    for name in MESSAGES:
        descriptor = pool.FindMessageTypeByName(name)
        if hasattr(message_factory, "GetMessageClass"):
            found[name] = message_factory.GetMessageClass(descriptor)
        else:
            found[name] = message_factory.MessageFactory(pool).GetPrototype(descriptor)
    return found


def answer_of(channel, call):
    classes = classes_of(call["release"])
    request = classes[call["method"] + "TextPromptingRequest"](**call["fields"])
    response = classes[call["method"] + "TextPromptingResponse"]
    stub = channel.unary_unary(
        "/TextPrompting/" + call["method"], request_serializer=type(request).SerializeToString, response_deserializer=response.FromString
    )
    metadata = [tuple(pair) for pair in call["metadata"]]
    try:
        message, done = stub.with_call(request, timeout=call["timeout"], metadata=metadata)
    except grpc.RpcError as error:
        return {"code": error.code().value[0], "details": error.details()}
    fields = {}
    for name, value in ((field.name, getattr(message, field.name)) for field in response.DESCRIPTOR.fields):
        fields[name] = value if isinstance(value, (str, int)) else list(value)
    # Bytes that no field of this release stands for would come back here.
    known = response(**fields).ByteSize()
    return {"response": fields, "unknown": message.ByteSize() - known, "headers": dict(done.initial_metadata())}


def main():
    asked = json.load(sys.stdin)
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1), ("grpc.keepalive_time_ms", 100000)]
    with grpc.insecure_channel("127.0.0.1:%d" % asked["port"], options=options) as channel:
        json.dump([answer_of(channel, call) for call in asked["calls"]], sys.stdout)


main()
