"""The Open Inference Protocol (V2): codec, tensors, and what it tells of the server and the model."""
