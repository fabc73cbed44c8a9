from convolve import detection as detection
from convolve import errors as errors
from convolve import faces as faces
from convolve import features as features
from convolve import filters as filters
from convolve import nn as nn
from convolve import video as video
from convolve.api.forward import conv1d as conv1d
from convolve.api.forward import conv2d as conv2d
from convolve.api.forward import conv3d as conv3d
from convolve.api.gradients import conv1d_input_grad as conv1d_input_grad
from convolve.api.gradients import conv1d_weight_grad as conv1d_weight_grad
from convolve.api.gradients import conv2d_input_grad as conv2d_input_grad
from convolve.api.gradients import conv2d_weight_grad as conv2d_weight_grad
from convolve.api.gradients import conv3d_input_grad as conv3d_input_grad
from convolve.api.gradients import conv3d_weight_grad as conv3d_weight_grad
from convolve.api.images import apply as apply
from convolve.api.planned import plan as plan
from convolve.api.pools import avg_pool1d as avg_pool1d
from convolve.api.pools import avg_pool2d as avg_pool2d
from convolve.api.pools import avg_pool3d as avg_pool3d
from convolve.api.pools import max_pool1d as max_pool1d
from convolve.api.pools import max_pool2d as max_pool2d
from convolve.api.pools import max_pool3d as max_pool3d
from convolve.api.sizes import output_shape as output_shape
from convolve.api.sizes import receptive_field as receptive_field
from convolve.api.transposed import conv_transpose1d as conv_transpose1d
from convolve.api.transposed import conv_transpose2d as conv_transpose2d
from convolve.api.transposed import conv_transpose3d as conv_transpose3d
from convolve.explain.api import explain as explain
from convolve.nn.models import load as load
from convolve.runtime.threads import get_num_threads as get_num_threads
from convolve.runtime.threads import set_num_threads as set_num_threads

__version__: str
__all__: list[str]
