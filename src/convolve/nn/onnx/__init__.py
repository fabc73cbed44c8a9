"""ONNX files: read with checks of our own before anything trusts them, and written.

`reading` is the way in, `writing` the way out; `tensors` and `external` read numbers, `upgrades` brings nodes
of older opsets to the present one, so that every operation is written once.
"""
