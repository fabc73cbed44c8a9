"""Operation -> the rule that writes its actions; what has none, or refuses, is left to NumPy."""

from convolve.nn.compiled.rules import norms, numbers, products, shapes

OF_SEVERAL = ("Split",)
"""Operations whose rule writes all outputs; others are asked only if nothing but the first one is read."""

RULES = {**products.RULES, **numbers.RULES, **norms.RULES, **shapes.RULES}
