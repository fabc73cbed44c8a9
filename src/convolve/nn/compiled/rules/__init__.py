"""Operation -> the rule that writes its actions; what has none, or refuses, is left to NumPy."""

from convolve.nn.compiled.rules import norms, numbers, products, shapes

RULES = {**products.RULES, **numbers.RULES, **norms.RULES, **shapes.RULES}
