"""Figures of classifiers, beside scikit-learn's."""
