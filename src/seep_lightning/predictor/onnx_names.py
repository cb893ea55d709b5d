"""What the inputs and outputs of our ONNX graphs are called."""

IMAGE = "image"
PROBABILITY = "probability"
# the tensors between which the bare network stands
NETWORK_INPUT = "network_input"
NETWORK_OUTPUT = "network_output"
