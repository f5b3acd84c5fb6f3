"""The Open Inference Protocol (V2): its codec, its tensors, and the pages that describe the server and the model."""
