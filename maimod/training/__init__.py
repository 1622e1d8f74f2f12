"""Training: from a folder of mapsets to a checkpoint. Nothing else imports it but the command line."""
