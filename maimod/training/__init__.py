"""Training, evaluation and calibration. Only the command line imports this room."""
