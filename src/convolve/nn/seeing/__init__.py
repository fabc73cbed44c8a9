"""What a network has learned, to look at: filters, feature maps, Grad-CAM, curves; as arrays and as plots."""
