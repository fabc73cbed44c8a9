"""How good a classifier is: confusion matrix, top-k, calibration; as numbers, text and picture."""
