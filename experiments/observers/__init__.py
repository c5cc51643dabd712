"""What watches a training for a person: the console, TensorBoard, the evolution's folder."""
