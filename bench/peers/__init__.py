"""One module for each library that is timed, ours included; each runs in a process of its own.

A module offers ``setup(threads)``, called once before anything else, ``version()``, and
``variants(shape, data)``: the ways in which the library can compute the shape, of which the fastest counts.
"""

NAMES = ("ours", "torch", "onnxruntime", "openvino", "jax", "opencv", "scipy")
